"""Made-up lives of cases: each move gives the case its next version, as dispatch would, with the whole state in it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from paidan_chassis.consumer.records import Record
from paidan_contracts.cases import CaseEvent, CaseUrged, Cause
from paidan_contracts.ids import case_id, order_id, report_id
from paidan_contracts.places import Place
from paidan_contracts.state import Assignment, CalledBack, CaseState, Limit, RuleRef

START: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
Move = Callable[[CaseState, datetime], CaseState | None]
"""What happens to a case at a time; None: it cannot happen now."""


def opened(number: int, *, pack: str, at: datetime = START, city: str = "tiny", **changes: object) -> CaseState:
    """Open a case that waits for a department."""
    name = case_id(city, report_id("12345", str(number)))
    state = CaseState(
        case_id=name,
        version=1,
        city=city,
        area=city,
        city_version=pack,
        status="filed",
        opened_by=report_id("12345", str(number)),
        source="12345",
        channel="hotline",
        class_code="E0110",
        row_id="E0110-1",
        place=Place(district="1", street="1-1"),
        reports=1,
        occurred_at=at,
        reported_at=at,
    )
    return state.model_copy(update=changes)


def assign(department: str, *, hours: int | None = 4) -> Move:
    """派遣, with so many hours for the work."""

    def move(state: CaseState, at: datetime) -> CaseState | None:
        if state.status != "filed":
            return None
        turn = Assignment(
            number=len(state.assignments) + 1,
            order_id=order_id(state.case_id, len(state.assignments) + 1),
            department=department,
            placed_by=RuleRef(rule="by_hand", city_version=state.city_version),
            dispatched_at=at,
            accept_by=at + HOUR,
            limits=(Limit(began_at=at, due_at=None if hours is None else at + hours * HOUR),),
        )
        return changed(state, status="dispatched", department=department, assignments=(*state.assignments, turn))

    return move


def accept(state: CaseState, at: datetime) -> CaseState | None:
    """签收."""
    return turned(state, "handling", accepted_at=at) if state.status == "dispatched" else None


def finish(state: CaseState, at: datetime) -> CaseState | None:
    """处置完成, on time or late as the hour will have it."""
    if state.status != "handling":
        return None
    *earlier, limit = state.assignments[-1].limits
    late = None if limit.due_at is None else at > limit.due_at
    return turned(state, "inspecting", limits=(*earlier, limit.model_copy(update={"finished_at": at, "late": late})))


def close(state: CaseState, at: datetime) -> CaseState | None:
    """结案."""
    return changed(state, status="closed", closed_at=at) if state.status == "inspecting" else None


def rework(state: CaseState, _at: datetime) -> CaseState | None:
    """返工: the finish that was recorded stays where it is, but does not stand."""
    if state.status != "inspecting":
        return None
    return turned(state, "handling", reworks=state.assignments[-1].reworks + 1).model_copy(
        update={"round": state.round + 1}
    )


def give_back(state: CaseState, at: datetime) -> CaseState | None:
    """退单."""
    if state.status not in ("dispatched", "handling"):
        return None
    return turned(state, "filed", returned_at=at, return_code="not_our_duty")


def take_away(state: CaseState, at: datetime) -> CaseState | None:
    """Withdraw the order, for it to be given to another (重派)."""
    return turned(state, "filed", withdrawn_at=at) if state.status == "dispatched" else None


def run_out(state: CaseState, at: datetime) -> CaseState | None:
    """Let the handling clock be seen to run out."""
    if state.status not in ("dispatched", "handling") or state.assignments[-1].overdue_at:
        return None
    return turned(state, state.status, overdue_at=at)


def ask(rating: str) -> Move:
    """回访."""

    def move(state: CaseState, at: datetime) -> CaseState | None:
        if state.status != "closed":
            return None
        said = CalledBack.model_validate({"rating": rating, "at": at, "round": state.round})
        return changed(state, called_back=(*state.called_back, said))

    return move


def reopen(state: CaseState, at: datetime) -> CaseState | None:
    """重办, with a limit of its own."""
    if state.status != "closed" or state.reopened:
        return None
    limits = (*state.assignments[-1].limits, Limit(began_at=at, due_at=at + 4 * HOUR))
    return turned(state, "handling", limits=limits).model_copy(update={"reopened": 1, "closed_at": None})


def void(state: CaseState, at: datetime) -> CaseState | None:
    """作废."""
    if state.status == "filed":
        return changed(state, status="voided", ended_at=at)
    return turned(state, "voided", withdrawn_at=at) if state.status == "dispatched" else None


def not_accept(state: CaseState, at: datetime) -> CaseState | None:
    """不予受理."""
    if state.status != "filed" or state.assignments:
        return None
    return changed(state, status="not_accepted", ended_at=at)


def join(state: CaseState, _at: datetime) -> CaseState | None:
    """Merge one more report into it."""
    return changed(state, reports=state.reports + 1)


def refile(class_code: str | None, street: str | None) -> Move:
    """File it anew: all that was counted elsewhere has to move."""

    def move(state: CaseState, _at: datetime) -> CaseState | None:
        return changed(state, class_code=class_code, place=Place(district="1", street=street))

    return move


def lived(state: CaseState, moves: Iterable[Move]) -> Iterator[CaseState]:
    """Give every version of a case, the first one included; moves that cannot be made are passed over. One an hour."""
    yield state
    for hour, move in enumerate(moves, start=1):
        after = move(state, state.reported_at + hour * HOUR)
        if after is not None:
            state = after.model_copy(update={"version": state.version + 1})
            yield state


def changed(state: CaseState, **update: object) -> CaseState:
    """Change the case."""
    return state.model_copy(update=update)


def turned(state: CaseState, status: str, **update: object) -> CaseState:
    """Change the case's status, and the turn of the department that has it."""
    *earlier, turn = state.assignments
    return changed(state, status=status, assignments=(*earlier, turn.model_copy(update=update)))


def event(state: CaseState) -> CaseEvent:
    """Wrap a state as one step. Which step it was is nothing to scoring."""
    return CaseUrged(
        case_id=state.case_id,
        version=state.version,
        cause=Cause(kind="action", id=report_id(state.case_id, str(state.version))),
        occurred_at=state.reported_at,
        recorded_at=state.reported_at,
        state=state,
        department="a",
    )


def record(state: CaseState, *, offset: int, partition: int = 0, sequence: int | None = None) -> Record:
    """Put a step where a consumer would find it; with the stamps of a relay, where it has a number in its lane."""
    stamps = () if sequence is None else (("ce_sequence", b"%d" % sequence), ("ce_previous", b"0"))
    return Record(
        topic="paidan.cases",
        partition=partition,
        offset=offset,
        key=state.case_id.encode(),
        value=event(state).model_dump_json().encode(),
        headers=(("ce_type", b"case.urged.v1"), ("ce_origin", b"dispatch/paidan.inbox-0"), *stamps),
        appended_at=START,
    )
