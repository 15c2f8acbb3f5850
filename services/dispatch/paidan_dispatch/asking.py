"""What somebody asks to be done, from either door, as it goes into the inbox. The same words make the same request."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from paidan_contracts.actions import Action, ActionRequested, Actor
from paidan_contracts.ids import area_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sender said, whatever the door."""

    case_id: str
    action: Action
    occurred_at: datetime | None = None
    of_report: str | None = None

    @property
    def digest(self) -> str:
        """Fingerprint all that was said, so that another body under the same id is noticed."""
        occurred_at = self.occurred_at.astimezone(UTC).isoformat() if self.occurred_at else None
        said = [self.case_id, self.of_report, occurred_at, self.action.model_dump(mode="json", exclude_none=True)]
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who asks, by which door, under which id of their own. ``backdates``: their word on when it happened counts."""

    actor: Actor
    door: Literal["kafka", "http", "import"]
    action_id: str
    ref: str | None = None
    answer: tuple[int, int] | None = None
    backdates: bool = False


def request(asked: Asked, speaker: Speaker, recorded_at: datetime) -> ActionRequested:
    """Write what goes into the inbox. Whether it is allowed is judged there."""
    occurred_at = asked.occurred_at or recorded_at
    partition, offset = speaker.answer or (None, None)
    return ActionRequested(
        action_id=speaker.action_id,
        case_id=asked.case_id,
        of_report=asked.of_report,
        area=area_of(asked.case_id),
        actor=speaker.actor,
        door=speaker.door,
        digest=asked.digest,
        sender_ref=speaker.ref,
        answer_partition=partition,
        answer_offset=offset,
        occurred_at=occurred_at,
        recorded_at=occurred_at if speaker.backdates else recorded_at,
        action=asked.action,
    )
