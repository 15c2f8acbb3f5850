"""The values of rows of cases and outcomes, as a batch writes them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from paidan_contracts.time_limits import TimeLimits
from paidan_dispatch.cases.limit_requests import open_steps
from paidan_dispatch.cases.patrols import running_task
from paidan_dispatch.inbox.rows import OutcomeRow
from paidan_dispatch.inbox.unit_of_work import CaseFile
from paidan_dispatch.matching.candidates import Candidate

RowValues: TypeAlias = tuple[object, ...]
DueTimes: TypeAlias = Mapping[str, datetime | None]
"""When the first clock of each changed case is due."""
FAR_FUTURE: Final = datetime.max.replace(tzinfo=UTC)
"""Until when an open case can be matched."""


class Marks(NamedTuple):
    """What its time limits and the city's ladder made of a case: the queues that it stands in beside its status's."""

    overdue: bool = False
    pending_request: str | None = None
    due_soon: bool = False
    level: str | None = None


FRESH: Final = Marks()
"""Those of every case at its first step: no time limit has ended yet."""


def marks_of(state: CaseState) -> Marks:
    """Return the marks of a case in this state."""
    overdue = is_overdue(state)
    return Marks(overdue, pending_request(state), not overdue and was_warned(state), level_of(state))


def case_row(case_file: CaseFile, due_at: DueTimes) -> RowValues:
    """Return the row of a new case, in the order of ``statements.COLUMNS``."""
    state, candidate = case_file.current_state, case_file.candidate
    marks = FRESH if state.version == 1 else marks_of(state)
    return (
        state.case_id,
        case_file.partition,
        state.version,
        state.city,
        state.area,
        state.status,
        state.department,
        state.class_code,
        state.channel,
        state.matched_within,
        state.past,
        state.place.latitude,
        state.place.longitude,
        candidate and candidate.square,
        state.reported_at,
        recurs_until(candidate),
        ended_at(state),
        awaits_callback(state),
        is_held(state),
        *marks,
        state.source,
        places_of(state.place),
        due_at[state.case_id],
        state.numbers and state.numbers.ours,
        answers_of(state) if state.answerable or state.status == "received" else None,
        case_file.chain,
    )


def case_update(case_file: CaseFile, due_at: DueTimes) -> RowValues:
    """Return what changes in a stored case, in the order of ``statements.UPDATE_CASES``."""
    state, candidate = case_file.current_state, case_file.candidate
    return (
        state.case_id,
        state.version,
        state.status,
        state.department,
        state.class_code,
        state.reported_at,
        state.place.latitude,
        state.place.longitude,
        case_file.index_change is not None,
        candidate and candidate.square,
        recurs_until(candidate),
        ended_at(state),
        awaits_callback(state),
        is_held(state),
        *marks_of(state),
        places_of(state.place),
        due_at[state.case_id],
        case_file.chain,
        answers_of(state) if state.answerable or state.status == "received" else None,
    )


def outcome_row(row: OutcomeRow) -> RowValues:
    """Return an outcome's row, in the order of ``statements.COLUMNS``."""
    outcome = row.outcome
    return (
        outcome.id,
        outcome.about,
        outcome.result,
        outcome.why and outcome.why.model_dump_json(),
        outcome.area,
        outcome.case_id,
        outcome.case_version,
        bytes.fromhex(row.digest) if row.digest else None,
        row.sender,
        outcome.decided_at,
    )


def is_held(state: CaseState) -> bool:
    """Return whether a case waits at the hard-to-place desk for an operator."""
    return state.held_because is not None and state.status in ("received", "filed") and not state.past


def is_overdue(state: CaseState) -> bool:
    """Return whether the running time limit of an open case has passed: a department's, or that of another stage."""
    if state.past:
        return False
    if state.status in ("dispatched", "handling"):
        assignment = state.assignments[-1]
        if assignment.limits[-1].overdue_at is not None:
            return True
        if state.status == "dispatched" and assignment.accept_overdue_at is not None:
            return True
    if state.time_limits is not None and _is_limit_overdue(state, state.time_limits):
        return True
    clock = state.clocks[-1] if state.clocks else None
    return clock is not None and clock.ended_at is None and clock.overdue_at is not None


def _is_limit_overdue(state: CaseState, limits: TimeLimits) -> bool:
    """Return whether a promise that is still to be kept is over, or a step of the plan that is still to be done."""
    promise = limits.promise
    if promise is not None and promise.ended_at is None and promise.overdue_at is not None:
        return True
    is_planned = bool(limits.plan) and state.status in ("dispatched", "handling")
    return is_planned and any(each.overdue_at is not None for each in open_steps(state))


def pending_request(state: CaseState) -> str | None:
    """Return the kind of the request that waits for a decision; None where none does."""
    pending = state.time_limits.pending if state.time_limits is not None else None
    return pending.kind if pending is not None else None


def was_warned(state: CaseState) -> bool:
    """Return whether the warning of a running time limit went out."""
    if state.status in ("dispatched", "handling"):
        assignment = state.assignments[-1]
        if assignment.limits[-1].warned_at is not None:
            return True
        return state.status == "dispatched" and assignment.accept_warned_at is not None
    clock = state.clocks[-1] if state.clocks else None
    return clock is not None and clock.ended_at is None and clock.warned_at is not None


def level_of(state: CaseState) -> str | None:
    """Return the highest level of the city's ladder to which a case is raised now."""
    if state.escalation is None or not (standing := state.escalation.standing):
        return None
    return max(standing, key=attrgetter("rank")).level


def places_of(place: Place) -> str:
    """Return the codes of district, street and community as one text, `/1/12/123/`; `/` where none is known."""
    codes = "/".join(filter(None, (place.district, place.street, place.community)))
    return f"/{codes}/" if codes else "/"


def answers_of(state: CaseState) -> str | None:
    """Return who answers for a case, and whose task its verification is, as one text: ` leader=post unit=id `.

    A space is before and after each; None: nobody is named.
    """
    named, task = state.answerable, running_task(state)
    answering = (("leader", named.leader), ("office", named.office), ("unit", named.unit)) if named is not None else ()
    found = (*answering, ("verifier", task.post if task is not None else None))
    texts = [f"{kind}={each}" for kind, each in found if each is not None]
    return " ".join(["", *texts, ""]) if texts else None


def ended_at(state: CaseState) -> datetime | None:
    """Return since when a case is over; None while it is open."""
    match state.status:
        case "closed":
            return state.closed_at
        case "voided" | "not_accepted":
            return state.ended_at or state.reported_at
        case _:
            return None


def recurs_until(candidate: Candidate | None) -> datetime:
    """Return until when the case can be matched, as a column that is never null."""
    if candidate is None or candidate.recurs_until is None:
        return FAR_FUTURE
    return candidate.recurs_until


def awaits_callback(state: CaseState) -> bool:
    """Return whether a reporter is to be called back now."""
    return state.status == "closed" and bool(state.callbacks_awaited)
