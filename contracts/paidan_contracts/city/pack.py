"""A city pack as one document, with its canonical bytes and its version."""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paidan_contracts.city.calendar import Calendar
from paidan_contracts.city.case_numbers import CaseNumbering
from paidan_contracts.city.catalogue import Catalogue
from paidan_contracts.city.construction import ConstructionPolicy
from paidan_contracts.city.emergencies import EmergencyPlan
from paidan_contracts.city.escalation import EscalationLadder
from paidan_contracts.city.geography import Geography
from paidan_contracts.city.import_mappings import ImportMapping
from paidan_contracts.city.indicators import Indicators
from paidan_contracts.city.organisation import AnswerableRule, Department, Source
from paidan_contracts.city.pack_types import CityId, Names, PackModel, Text
from paidan_contracts.city.policies import (
    CallbackPolicy,
    ComplaintPolicy,
    EnforcementPolicy,
    HandOnPolicy,
    MatchingPolicy,
    NotingRule,
    ScreeningPolicy,
    StageLimits,
)
from paidan_contracts.city.posts import DutyTerms, Post
from paidan_contracts.city.privacy import PrivacyPolicy
from paidan_contracts.city.routing import RoutingRule
from paidan_contracts.city.settlement import SettlementPolicy
from paidan_contracts.city.verification import VerificationPolicy

AreaLevel = Literal["city", "district"]


class Pack(PackModel):
    """A city as published: its canonical bytes are stored in ``cities.pack`` under their SHA-256.

    Published by ``paidan city publish``, which then announces it on every partition of ``paidan.inbox``. Read by
    intake, dispatch and scoring, by the version that their own records carry.
    """

    format: Literal[1] = Field(default=1, description="Format of packs; a service refuses an unknown one.")
    id: CityId
    names: Names
    note: Text | None = None
    demo: bool | None = Field(
        default=None,
        description="Made up, or long past: only an installation of such cities alone may run on a scaled clock.",
    )
    zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+\-/]{1,60}$")] = Field(
        description="Time zone, such as Asia/Shanghai."
    )
    area_level: AreaLevel = Field(
        description="The areas within which reports are matched; it can never change for a city with cases."
    )
    departments: tuple[Department, ...]
    posts: tuple[Post, ...] | None = Field(
        default=None, description="What persons may do who sign in; None: nobody signs in."
    )
    duties: tuple[DutyTerms, ...] | None = Field(
        default=None, description="Which duty may take which actions; of those not named, all that their scope allows."
    )
    answerable: tuple[AnswerableRule, ...] | None = Field(
        default=None, description="Who answers for an area or a class, in order; None: nobody beside departments."
    )
    sources: tuple[Source, ...]
    catalogue: Catalogue
    routing: tuple[RoutingRule, ...]
    calendar: Calendar
    clocks: StageLimits
    matching: MatchingPolicy
    callbacks: CallbackPolicy = CallbackPolicy()
    noted: tuple[NotingRule, ...] = ()
    numbers: CaseNumbering | None = None
    screening: ScreeningPolicy
    hand_on: HandOnPolicy | None = Field(default=None, description="None: the usual terms.")
    enforcement: EnforcementPolicy | None = Field(default=None, description="None: nothing needs enforcement rights.")
    complaints: ComplaintPolicy | None = Field(
        default=None, description="None: no unit related to the one complained of handles a complaint."
    )
    escalation: EscalationLadder | None = None
    verification: VerificationPolicy | None = Field(
        default=None, description="None: sources alone say who is trusted, and no patrol is given tasks."
    )
    construction: ConstructionPolicy | None = Field(default=None, description="建设计划; None: there is none.")
    settlement: SettlementPolicy | None = Field(
        default=None, description="自行处置; None: nothing is settled on the spot."
    )
    emergencies: tuple[EmergencyPlan, ...] | None = Field(
        default=None, description="What may be declared that shortens limits for a while; None: nothing."
    )
    privacy: PrivacyPolicy | None = None
    indicators: Indicators
    imports: tuple[ImportMapping, ...] = ()
    geography: Geography

    def canonical_bytes(self) -> bytes:
        """Return the pack as canonical JSON, with all defaults, so that a later release may change a default."""
        document = self.model_dump(mode="json", exclude_none=True)
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def pack_version(canonical: bytes) -> str:
    """Return the version of a pack: the SHA-256 of its canonical bytes."""
    return hashlib.sha256(canonical).hexdigest()
