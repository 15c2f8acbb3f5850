"""Any sequence of what a department, its units and the desk do with an order that may be handed on keeps it whole."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.actions import Action, File, Inspect, Redispatch, Urge, Void
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Ignored, Progressed, expire_timer
from paidan_dispatch.cases.timers import Timer, running_timers
from tests.dispatch.builders import ActionContext, at_minute, decide_action, opened_case, timer_due
from tests.dispatch.unit_invariants import assert_handed_on_is_legal, assert_units_move_nothing
from tests.dispatch.units import policy_with_units

POLICY = policy_with_units(clocks=policy_with_units().city.pack.clocks.model_dump() | {"warn_at": 0.8})
PERSON = "10000000-0000-4000-8000-000000000001"


class Deed(NamedTuple):
    """An action and who takes it; None: a timer that runs or ran."""

    action: Action | None
    actor: str = "department:north"


UNITS = ("north-squad", "north-street", "north-cleaners")
DEEDS = [
    *(Deed(HandOn(unit=unit)) for unit in UNITS),
    Deed(HandOn(unit="north-squad", due_at=at_minute(340))),
    Deed(HandOn(unit="north-street", due_at=at_minute(400))),
    Deed(HandOn(unit="north", person=PERSON)),
    Deed(HandOn(unit="north-squad"), "department:north-cleaners"),
    *(Deed(action, f"department:{unit}") for unit in UNITS for action in (Accept(), Finish(text="done"))),
    Deed(Return(code="other", reason="x"), "department:north-squad"),
    Deed(Finish(unit="north-squad")),
    Deed(Confirm(confirmed=True)),
    Deed(Confirm(confirmed=False, reason="x")),
    Deed(Accept()),
    Deed(Finish()),
    Deed(Return(code="other", reason="x")),
    Deed(Redispatch(department="north", reason="x"), "operator:olga"),
    Deed(Redispatch(department="water", reason="x"), "operator:olga"),
    Deed(File(row_id="E0110-2"), "operator:olga"),
    Deed(Urge(), "operator:olga"),
    Deed(Void(reason="x"), "operator:olga"),
    Deed(Inspect(passed=False, reason="x"), "inspector:ivy"),
    Deed(None),
    Deed(None),
]


FIRST_TURN = (DEEDS[0],)
SECOND_TURN = (
    DEEDS[0],
    Deed(Redispatch(department="water", reason="x"), "operator:olga"),
    Deed(Redispatch(department="north", reason="x"), "operator:olga"),
    DEEDS[1],
)


def _result(state: CaseState, deed: Deed, minute: int, timers: list[Timer], which: int) -> Progressed | None:
    if deed.action is None:
        fired = expire_timer(state, timer_due(timers[which % len(timers)]), POLICY)
        return None if isinstance(fired, Ignored) else fired
    context = ActionContext(minutes=minute, actor=deed.actor)
    decided = decide_action(state, deed.action, context, policy=POLICY)
    return decided if isinstance(decided, Progressed) else None


@given(
    st.sampled_from([FIRST_TURN, SECOND_TURN]),
    st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(1, 60), st.integers(0, 9)), min_size=4, max_size=12),
)
def test_order_that_is_handed_on_stays_within_its_departments(
    begin: tuple[Deed, ...], steps: list[tuple[Deed, int, int]]
) -> None:
    state, minute = opened_case(policy=POLICY), 0
    timers = list(running_timers(state))
    for deed, minutes, which in [*((each, 1, 0) for each in begin), *steps]:
        minute += minutes
        result = _result(state, deed, minute, timers, which)
        if result is None:
            continue
        before = state
        for event in result.events:
            assert_handed_on_is_legal(event.state)
            assert_units_move_nothing(before, event)
            before = event.state
        messages = orders.order_events(state, result.events, POLICY)
        said = [(each.order.order_id, each.order.version) for each in messages]
        assert len(said) == len(set(said)), "of two messages with one version a reader would keep either"
        state = result.after
        timers += running_timers(state)
    due: dict[str, object] = {}
    for timer in timers:
        assert due.setdefault(timer.id, timer.due_at) == timer.due_at, "no generation is ever used twice"
