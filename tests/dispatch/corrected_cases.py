"""Corrections of running cases, and a city whose districts are drawn, for tests of them."""

from typing import Any

from paidan_contracts.record_actions import Correct
from paidan_contracts.record_events import CaseCorrected
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.policy import CityPolicy
from tests.dispatch.builders import (
    ActionContext,
    decide_action,
)
from tests.dispatch.sample_pack import pack_document, policy_of


def _square(code: str, west: float) -> dict[str, Any]:
    ring = [[west, 36.0], [west + 1, 36.0], [west + 1, 37.0], [west, 37.0], [west, 36.0]]
    return {"code": code, "level": "district", "names": {"zh": code, "en": code}, "shape": {"polygons": [[ring]]}}


def drawn_city() -> CityPolicy:
    """Return the city with its districts drawn: 1 in the west, 2 in the east."""
    return policy_of(pack_document() | {"geography": {"places": [_square("1", 116.5), _square("2", 117.5)]}})


def correct(
    state: CaseState,
    *,
    minutes: float = 5,
    policy: CityPolicy | None = None,
    **fields: Any,  # noqa: ANN401
) -> Progressed:
    action = Correct(reason="the caller was misheard", **fields)
    result = decide_action(state, action, ActionContext(minutes=minutes), policy=policy)
    assert isinstance(result, Progressed), result.refusal
    return result


def corrections_of(result: Progressed) -> dict[str, tuple[str | None, str | None]]:
    (event,) = (each for each in result.events if isinstance(each, CaseCorrected))
    assert event.reason == "the caller was misheard"
    return {each.field: (each.before, each.after) for each in event.corrections}


def refusal_of(state: CaseState, policy: CityPolicy | None = None, **fields: Any) -> tuple[str, str | None]:  # noqa: ANN401
    result = decide_action(state, Correct(reason="x", **fields), policy=policy)
    assert isinstance(result, Refused)
    return result.refusal.code, result.refusal.field
