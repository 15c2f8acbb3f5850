"""A city's terms of verification 核实: whom it trusts, and to which posts verification is given as a task."""

from typing import Final

from pydantic import Field

from paidan_contracts.city.pack_types import ClassPattern, Names, PackModel, TimeLimit
from paidan_contracts.city.posts import PostDuty
from paidan_contracts.wire import Channel, SenderRef, Slug

SOURCE_RULE: Final = "source"
SCREENING_RULE: Final = "screening"
"""By which a report is verified though no rule of the pack says so: its source is not trusted, its alarm is unsure."""


class FalseAlarmRecord(PackModel):
    """From which record of false alarms on a camera is meant."""

    share: float = Field(gt=0, le=1, description="Of its alarms that were verified, the share that was not true.")
    judged: int = Field(default=20, ge=1, le=10_000, description="Not before so many of its alarms were verified.")


class TrustRule(PackModel):
    """Which reports are verified before they are filed, or need not be; the first rule that matches decides."""

    id: Slug
    names: Names
    verify: bool = Field(description="Whether they are verified; False: they are filed at once.")
    sources: tuple[Slug, ...] | None = Field(default=None, description="Only reports from these; None: from any.")
    channels: tuple[Channel, ...] | None = None
    cameras: tuple[SenderRef, ...] | None = Field(default=None, description="Only alarms of these cameras.")
    classes: tuple[ClassPattern, ...] | None = None
    below: float | None = Field(
        default=None, gt=0, le=1, description="Only reports with a lower confidence, or with none."
    )
    false_alarms: FalseAlarmRecord | None = Field(default=None, description="Only alarms of cameras with this record.")


class VerificationPolicy(PackModel):
    """Terms of verification."""

    limit: TimeLimit | None = Field(default=None, description="Of a task; None: that of the stage, clocks.verify.")
    duties: tuple[PostDuty, ...] = Field(
        default=(), description="To whose posts it is given by itself, in order; none: it is given by hand alone."
    )
    photo: bool = Field(default=False, description="Whether a patrol's answer needs a photo.")
    trust: tuple[TrustRule, ...] = Field(default=(), description="In order; where none matches, the source decides.")

    @property
    def knows_cameras(self) -> bool:
        """Whether trust depends on the single camera."""
        return any(each.cameras is not None or each.false_alarms is not None for each in self.trust)
