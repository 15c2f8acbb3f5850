"""Builds case histories: each move returns the case's next version, as dispatch would, with the whole state in it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from paidan_chassis.consumer.batch import Record
from paidan_contracts.actions import Rating
from paidan_contracts.assignments import Assignment, Limit, RuleRef
from paidan_contracts.case_event import CaseEvent, Cause
from paidan_contracts.cases import CaseUrged
from paidan_contracts.ids import case_id, order_id, report_id
from paidan_contracts.places import Place
from paidan_contracts.state import CalledBack, CaseState
from paidan_contracts.time_limits import TimeLimits

START: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
CaseMove = Callable[[CaseState, datetime], CaseState | None]
"""What happens to a case at a time; None: it cannot happen now."""


def new_case(number: int, *, pack: str, at: datetime = START, city: str = "tiny", **changes: object) -> CaseState:
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


def assign(department: str, *, hours: int | None = 4) -> CaseMove:
    """Dispatch (派遣), with so many hours for the work."""

    def move(state: CaseState, at: datetime) -> CaseState | None:
        if state.status != "filed":
            return None
        assignment = Assignment(
            number=len(state.assignments) + 1,
            order_id=order_id(state.case_id, len(state.assignments) + 1),
            department=department,
            placed_by=RuleRef(rule="by_hand", city_version=state.city_version),
            dispatched_at=at,
            accept_by=at + HOUR,
            limits=(Limit(began_at=at, due_at=None if hours is None else at + hours * HOUR),),
        )
        return with_fields(
            state, status="dispatched", department=department, assignments=(*state.assignments, assignment)
        )

    return move


def accept(state: CaseState, at: datetime) -> CaseState | None:
    """Accept (签收)."""
    return with_assignment(state, "handling", accepted_at=at) if state.status == "dispatched" else None


def finish(state: CaseState, at: datetime) -> CaseState | None:
    """Finish (处置完成), on time or late by the limit."""
    if state.status != "handling":
        return None
    *earlier, limit = state.assignments[-1].limits
    late = None if limit.due_at is None else at > limit.due_at
    return with_assignment(
        state, "inspecting", limits=(*earlier, limit.model_copy(update={"finished_at": at, "late": late}))
    )


def close(state: CaseState, at: datetime) -> CaseState | None:
    """Close (结案)."""
    return with_fields(state, status="closed", closed_at=at) if state.status == "inspecting" else None


def rework(state: CaseState, _at: datetime) -> CaseState | None:
    """Send back for rework (返工): the recorded finish stays in the state, but no longer counts."""
    if state.status != "inspecting":
        return None
    return with_assignment(state, "handling", reworks=state.assignments[-1].reworks + 1).model_copy(
        update={"round": state.round + 1}
    )


def return_case(state: CaseState, at: datetime) -> CaseState | None:
    """Return (退单)."""
    if state.status not in ("dispatched", "handling"):
        return None
    return with_assignment(state, "filed", returned_at=at, return_code="not_our_duty")


def withdraw(state: CaseState, at: datetime) -> CaseState | None:
    """Withdraw the order, for it to be given to another (重派)."""
    return with_assignment(state, "filed", withdrawn_at=at) if state.status == "dispatched" else None


def expire(state: CaseState, at: datetime) -> CaseState | None:
    """Record that the handling limit ran out."""
    if state.status not in ("dispatched", "handling") or state.assignments[-1].overdue_at:
        return None
    return with_assignment(state, state.status, overdue_at=at)


def call_back(rating: str) -> CaseMove:
    """Call the resident back (回访)."""

    def move(state: CaseState, at: datetime) -> CaseState | None:
        if state.status != "closed":
            return None
        callback = CalledBack.model_validate({"rating": rating, "at": at, "round": state.round})
        return with_fields(state, called_back=(*state.called_back, callback))

    return move


def rate(rating: Rating | None, raw_rating: Rating | None) -> CaseMove:
    """Make the ratings of several reporters one, as a pack's rule does."""

    def move(state: CaseState, at: datetime) -> CaseState | None:
        called = call_back("no_answer")(state, at)
        rule = RuleRef(rule="worst", city_version=state.city_version)
        return called and with_fields(called, rating=rating, raw_rating=raw_rating, rated_by=rule)

    return move


def move_back(state: CaseState, _: datetime) -> CaseState | None:
    """Correct an imported record's time by a day, and with it the day on which it is counted."""
    return with_fields(state, reported_at=state.reported_at - timedelta(days=1))


def reopen(state: CaseState, at: datetime) -> CaseState | None:
    """Reopen (重办), with a new limit."""
    if state.status != "closed" or state.reopened:
        return None
    limits = (*state.assignments[-1].limits, Limit(began_at=at, due_at=at + 4 * HOUR))
    return with_assignment(state, "handling", limits=limits).model_copy(update={"reopened": 1, "closed_at": None})


def void(state: CaseState, at: datetime) -> CaseState | None:
    """Void (作废)."""
    if state.status == "filed":
        return with_fields(state, status="voided", ended_at=at)
    return with_assignment(state, "voided", withdrawn_at=at) if state.status == "dispatched" else None


def not_accept(state: CaseState, at: datetime) -> CaseState | None:
    """Refuse acceptance (不予受理)."""
    if state.status != "filed" or state.assignments:
        return None
    return with_fields(state, status="not_accepted", ended_at=at)


def exempt(state: CaseState, _at: datetime) -> CaseState | None:
    """Grant an appeal against being overdue."""
    return with_fields(state, time_limits=TimeLimits(exempt=True)) if state.status == "closed" else None


def join(state: CaseState, _at: datetime) -> CaseState | None:
    """Merge another report into the case."""
    return with_fields(state, reports=state.reports + 1)


def refile(class_code: str | None, street: str | None) -> CaseMove:
    """File again: everything that was counted elsewhere has to move."""

    def move(state: CaseState, _at: datetime) -> CaseState | None:
        return with_fields(state, class_code=class_code, place=Place(district="1", street=street))

    return move


def history(state: CaseState, moves: Iterable[CaseMove]) -> Iterator[CaseState]:
    """Yield every version of a case, the first one included; one move an hour, impossible ones are skipped."""
    yield state
    for hour, move in enumerate(moves, start=1):
        after = move(state, state.reported_at + hour * HOUR)
        if after is not None:
            state = after.model_copy(update={"version": state.version + 1})
            yield state


def with_fields(state: CaseState, **update: object) -> CaseState:
    """Change the case."""
    return state.model_copy(update=update)


def with_assignment(state: CaseState, status: str, **update: object) -> CaseState:
    """Change the case's status, and its last assignment."""
    *earlier, assignment = state.assignments
    return with_fields(state, status=status, assignments=(*earlier, assignment.model_copy(update=update)))


def case_event(state: CaseState) -> CaseEvent:
    """Wrap a state as one step; scoring ignores which one."""
    return CaseUrged(
        case_id=state.case_id,
        version=state.version,
        cause=Cause(kind="action", id=report_id(state.case_id, str(state.version))),
        occurred_at=state.reported_at,
        recorded_at=state.reported_at,
        state=state,
        department="a",
    )


def case_record(state: CaseState, *, offset: int, partition: int = 0, sequence: int | None = None) -> Record:
    """Wrap a step as a record; with a relay's headers where it has a sequence number."""
    relay_headers = () if sequence is None else (("ce_sequence", b"%d" % sequence), ("ce_previous", b"0"))
    return Record(
        topic="paidan.cases",
        partition=partition,
        offset=offset,
        key=state.case_id.encode(),
        value=case_event(state).model_dump_json().encode(),
        headers=(("ce_type", b"case.urged.v1"), ("ce_origin", b"dispatch/paidan.inbox-0"), *relay_headers),
        appended_at=START,
    )
