"""A town with patrols that verify reports on site, and cases that await it."""

from typing import Any, Final

from paidan_contracts.state import CaseState, StageClock
from paidan_dispatch.cases.policy import CityPolicy
from tests.dispatch.builders import build_report, opened_case
from tests.dispatch.posts import build_post
from tests.dispatch.sample_pack import pack_document, policy_of

PATROLS: Final[list[dict[str, Any]]] = [
    build_post("desk", "acceptor"),
    build_post("far", "steward", places=["2"]),
    build_post("steward", "steward", places=["1"], classes=["E01*"]),
    build_post("north-eye", "steward", places=["1"], department="north"),
    build_post("volunteer", "volunteer"),
]
TRUST: Final[list[dict[str, Any]]] = [
    {
        "id": "blind-camera",
        "names": {"zh": "误报多", "en": "Many false alarms"},
        "verify": True,
        "channels": ["camera"],
        "false_alarms": {"share": 0.5, "judged": 4},
    },
    {
        "id": "good-camera",
        "names": {"zh": "可信摄像头", "en": "A good camera"},
        "verify": False,
        "cameras": ["gate"],
    },
    {
        "id": "unsure-hotline",
        "names": {"zh": "热线井盖", "en": "Lids by telephone"},
        "verify": True,
        "sources": ["hotline"],
        "classes": ["C0101"],
    },
    {
        "id": "unsure-stall",
        "names": {"zh": "低置信度", "en": "Unsure"},
        "verify": True,
        "channels": ["camera"],
        "classes": ["E0602"],
        "below": 0.95,
    },
]
VERIFICATION: Final[dict[str, Any]] = {
    "limit": {"amount": 20, "unit": "urgent_minute"},
    "duties": ["steward", "volunteer"],
    "photo": True,
    "trust": TRUST,
}


def policy_with_patrols(**terms: object) -> CityPolicy:
    """Return the policy of the town, with other terms of verification."""
    return policy_of(pack_document() | {"posts": PATROLS, "verification": VERIFICATION | terms})


def unverified(policy: CityPolicy, **report: Any) -> CaseState:  # noqa: ANN401 - of a report
    """Return a case that awaits verification."""
    state = opened_case(build_report(**{"source": "app", **report}), policy=policy)
    assert state.status == "received"
    return state


def task_of(state: CaseState) -> StageClock:
    """Return the newest clock, which is a verification's and says what it is for."""
    clock = state.clocks[-1]
    assert clock.kind == "verify"
    assert clock.verification is not None
    return clock
