"""Whatever anybody asks for, in whatever order: a case stays legal, and says the same when it is read back."""

from dataclasses import dataclass
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from paidan_contracts.actions import (
    Accept,
    Action,
    Appeal,
    Assign,
    CallBack,
    File,
    Finish,
    Inspect,
    Redispatch,
    Return,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.cases import CaseEvent, CaseStep
from paidan_contracts.reports import Past, ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.deadlines import Timer, changes, running
from paidan_dispatch.cases.decide import (
    Ignored,
    Moved,
    Opened,
    Refused,
    decide,
    run_out,
    take_in,
)
from paidan_dispatch.matching.match import Nearby, seen
from tests.dispatch.builders import (
    DOERS,
    How,
    due,
    report,
    request,
)
from tests.dispatch.sample_pack import bylaws

BYLAWS = bylaws()
STEP: TypeAdapter[CaseStep] = TypeAdapter(CaseStep)

actions = st.sampled_from(
    [
        Accept(),
        Accept(),
        Finish(proof=("a" * 64 + ".jpg",)),
        Finish(),
        Inspect(passed=True),
        Inspect(passed=False),
        CallBack(rating="dissatisfied"),
        CallBack(rating="satisfied"),
        Verify(verified=True),
        Verify(verified=False, reason="no"),
        File(row_id="E0110-2"),
        File(row_id="E0111-1"),
        Assign(department="water", reason="x"),
        Redispatch(department="south", reason="x"),
        Return(code="other", reason="x"),
        Void(reason="x"),
        Urge(),
        Appeal(),
    ]
)
actors = st.sampled_from([None, None, None, None, "department:south", "operator:olga", "importer:records"])
# Nearly always in order of time, around the edges of the half hour and of the four working hours.
minutes = st.sampled_from([0, 1, 29, 30, 31, 359, 360, 361, 1500, 99_999])
reports = st.builds(
    report,
    source=st.sampled_from(["hotline", "hotline", "app"]),
    class_code=st.sampled_from(["E0110", "E0110", "C0101", "E0505", "E9999", None]),
    row_id=st.sampled_from([None, "E0110-2", "E9999-1"]),
    past=st.sampled_from([None, None, None, Past(owner="water"), Past(verified=False)]),
    minutes=st.sampled_from([0, 0, 99_999]),
)
Result: TypeAlias = Moved | Refused | Ignored


@dataclass(frozen=True)
class Acts:
    """Somebody asks for an action: who usually does, or a stranger to it."""

    action: Action
    minute: float
    actor: str | None

    def on(self, state: CaseState, _: list[Timer]) -> Result:
        usual = DOERS.get(self.action.kind) or f"department:{state.department or 'north'}"
        return decide(state, request(state, self.action, How(minutes=self.minute, actor=self.actor or usual)), BYLAWS)


@dataclass(frozen=True)
class Rings:
    """One of the timers that were ever set comes in, perhaps a stale one."""

    which: int

    def on(self, state: CaseState, timers: list[Timer]) -> Result:
        return run_out(state, due(timers[self.which % len(timers)]), BYLAWS) if timers else Ignored("none was ever set")


@dataclass(frozen=True)
class Joins:
    """Somebody reports the same thing again."""

    minute: float

    def on(self, state: CaseState, _: list[Timer]) -> Result:
        row = seen(state, BYLAWS)
        past = Past(matched_within="x") if state.past else None
        twin = report("twin", minutes=self.minute, class_code=state.class_code, past=past)
        result = take_in(twin, nearby=Nearby([row] if row else []), case_of=lambda _: state, bylaws=BYLAWS)
        return Ignored("it opened another case") if isinstance(result, Opened) else result


Happening: TypeAlias = Acts | Rings | Joins
lives: st.SearchStrategy[list[Happening]] = st.lists(
    st.builds(Acts, actions, minutes, actors) | st.builds(Rings, st.integers(0, 9)) | st.builds(Joins, minutes),
    max_size=14,
)


def _assert_legal(state: CaseState) -> None:
    turns = state.assignments
    assert [turn.number for turn in turns] == list(range(1, len(turns) + 1))
    numbers = [limit.number for turn in turns for limit in turn.limits]
    assert numbers == sorted(set(numbers))
    ended = [turn.returned_at is not None or turn.withdrawn_at is not None for turn in turns]
    in_hand = state.status in ("dispatched", "handling", "inspecting", "closed")
    assert ended[:-1] == [True] * (len(turns) - 1) if turns else not in_hand
    if turns:
        assert turns[-1].department == state.department
        assert ended[-1] is not in_hand
    assert (state.status == "closed") == (state.closed_at is not None)
    assert (
        (state.status in ("voided", "not_accepted"))
        == (state.ended_because is not None)
        == (state.ended_at is not None)
    )
    assert state.held_because is None or state.status == "filed"
    assert (state.row_id is None) == (state.filed_by is None) == (state.filed_at is None)
    assert state.hops == sum(turn.returned_at is not None for turn in turns)
    assert state.round == 1 + sum(turn.reworks for turn in turns) + state.reopened
    assert state.reopened <= 1
    assert state.past <= (running(state) == ())


def _assert_follows(before: CaseState | None, events: tuple[CaseEvent, ...]) -> None:
    version = before.version if before else 0
    for event in events:
        version += 1
        assert event.version == event.state.version == version
        said = event.model_dump_json()
        assert STEP.validate_json(said).model_dump_json() == said, "what was put together unchecked reads otherwise"
        _assert_legal(event.state)
    assert (events[-1].state.status == "filed") == (events[-1].state.held_because is not None), "nothing is left lying"
    told = orders.messages(before, events, BYLAWS)
    assert [message for message in told if message.order.version > version] == []


def _open(said: ReportReceived) -> Opened:
    opening = take_in(said, nearby=Nearby(), case_of=lambda _: pytest.fail("there is none"), bylaws=BYLAWS)
    assert isinstance(opening, Opened)
    return opening


@given(reports, lives)
def test_whatever_happens_a_case_stays_legal(said: ReportReceived, life: list[Happening]) -> None:
    opening = _open(said)
    _assert_follows(None, opening.events)
    state, timers = opening.after, list(changes(None, opening.after).set)
    for happening in life:
        before = state.model_dump_json()
        result = happening.on(state, timers)
        assert state.model_dump_json() == before
        if isinstance(result, Moved):
            _assert_follows(state, result.events)
            timers += changes(state, result.after).set
            state = result.after


@given(reports, lives)
def test_a_case_read_back_goes_on_in_the_same_bytes(said: ReportReceived, life: list[Happening]) -> None:
    """A new owner reads states from the database where the old one had them in memory."""
    kept = _open(said).after
    timers = list(changes(None, kept).set)
    for happening in life:
        read = CaseState.model_validate_json(kept.model_dump_json())
        one, other = happening.on(kept, timers), happening.on(read, timers)
        assert type(one) is type(other)
        if isinstance(one, Moved) and isinstance(other, Moved):
            assert [each.model_dump_json() for each in one.events] == [each.model_dump_json() for each in other.events]
            timers += changes(kept, one.after).set
            kept = one.after
