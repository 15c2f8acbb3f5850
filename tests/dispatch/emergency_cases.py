"""A town with a snow plan and an event, what is declared in it, and cases under it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from paidan_contracts import ids
from paidan_contracts.actions import ActionRequested
from paidan_contracts.case_event import Cause
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.emergency_actions import DeclareEmergency
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import emergency_acts
from paidan_dispatch.cases.case_state import Provenance
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions import emergency_limits
from tests.dispatch.builders import DIGEST, at_minute
from tests.dispatch.sample_pack import pack_document, policy_of

MINUTES_10: Final = {"amount": 10, "unit": "urgent_minute"}
SNOW: Final[dict[str, Any]] = {
    "id": "snow",
    "names": {"zh": "清雪应急响应", "en": "Snow clearing"},
    "duties": ["duty_chief"],
    "departments": ["roads"],
    "minimum": {"amount": 30, "unit": "urgent_minute"},
    "restore": True,
    "levels": [
        {
            "id": "3",
            "names": {"zh": "三级响应", "en": "level III"},
            "priority": 2,
            "limits": [
                {"classes": ["E01*"], "accept": MINUTES_10, "handle": {"amount": 2, "unit": "urgent_hour"}},
                {"classes": ["E06*", "C*"], "share": 0.5},
            ],
            "orders": [{"id": "plough", "departments": ["roads", "north"], "text": {"zh": "备勤", "en": "Stand by."}}],
        },
        {
            "id": "2",
            "names": {"zh": "二级响应", "en": "level II"},
            "priority": 3,
            "limits": [{"handle": {"amount": 1, "unit": "urgent_hour"}}],
        },
    ],
}
PARADE: Final[dict[str, Any]] = {
    "id": "parade",
    "names": {"zh": "重大活动保障", "en": "Parade"},
    "kind": "event",
    "duties": ["duty_chief", "desk"],
    "minimum": MINUTES_10,
    "levels": [{"id": "all", "names": {"zh": "保障", "en": "in force"}, "priority": 5}],
}
POSTS: Final = [
    {"id": "chief", "names": {"zh": "值班长", "en": "Chief"}, "duty": "duty_chief"},
    {"id": "dispatcher", "names": {"zh": "派遣员", "en": "Dispatcher"}, "duty": "dispatcher"},
    {"id": "desk-1", "names": {"zh": "席位", "en": "Desk"}, "duty": "desk", "places": ["1"]},
    {"id": "clerk", "names": {"zh": "办事员", "en": "Clerk"}, "duty": "handler", "department": "roads"},
]


def policy_with_plans(**more: Any) -> CityPolicy:  # noqa: ANN401 - parts of the pack
    """Return the policy of the town with both plans."""
    return policy_of(pack_document() | {"emergencies": [SNOW, PARADE], "posts": POSTS} | more)


POLICY: Final = policy_with_plans()


def request(
    action: Any,  # noqa: ANN401 - an action on a city
    *,
    minutes: float = 0,
    actor: str = "operator:olga",
    post: str | None = None,
    case_id: str | None = None,
) -> ActionRequested:
    """Build the request for an action on the town."""
    kind, name = actor.split(":")
    return ActionRequested.model_validate(
        {
            "action_id": ids.action_id(name, f"{action.model_dump_json()} {minutes}"),
            "case_id": case_id or ids.city_subject("town"),
            "area": "town",
            "actor": {"kind": kind, "id": name, "post": post},
            "door": "http",
            "digest": DIGEST,
            "occurred_at": at_minute(minutes),
            "recorded_at": at_minute(minutes),
            "action": action,
        }
    )


def declared(plan: str = "snow", level: str = "3", *, minutes: float = 0, **fields: Any) -> EmergencyDeclaration:  # noqa: ANN401
    """Declare something as a key without a post may."""
    action = DeclareEmergency(plan=plan, level=level, **fields)
    declaration = emergency_acts.declare(request(action, minutes=minutes), POLICY, {})
    assert not isinstance(declaration, Refusal), declaration
    return declaration


def under(*declarations: EmergencyDeclaration, policy: CityPolicy = POLICY) -> CityPolicy:
    """Return the policy while these are in force."""
    return replace(policy, emergencies=declarations)


def reclocked(
    state: CaseState, declaration: EmergencyDeclaration, policy: CityPolicy, *, minutes: float, restores: bool = False
) -> CaseReclocked | None:
    """Set a running case anew, as a portion of cases does at this time."""
    change = emergency_limits.restore if restores else emergency_limits.shorten
    return _changed(change, state, declaration, policy, minutes)


def reclocked_acceptance(
    state: CaseState, declaration: EmergencyDeclaration, policy: CityPolicy, *, minutes: float, restores: bool = False
) -> CaseReclocked | None:
    """Set the accept limit of a case that waits anew, as a portion of cases does at this time."""
    change = emergency_limits.restore_acceptance if restores else emergency_limits.shorten_acceptance
    return _changed(change, state, declaration, policy, minutes)


def _changed(
    change: Callable[..., CaseReclocked | None],
    state: CaseState,
    declaration: EmergencyDeclaration,
    policy: CityPolicy,
    minutes: float,
) -> CaseReclocked | None:
    cause, at = Cause(kind="action", id=declaration.declaration_id), at_minute(minutes)
    return change(state, declaration, Provenance(cause, at, at, policy), policy)


SNOWFALLS: Final = (
    declared(),
    declared(level="2", places=("2",)),
    declared(level="2", places=("1",), minutes=1),
)
"""In the whole town, beside the case, and where it mostly is."""
