"""What patrols are told of their tasks: that one is given to them, and that it is over."""

from collections.abc import Iterator, Sequence
from typing import Final

from paidan_contracts import ids
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.patrol_tasks import PatrolTask, TaskEnded, TaskEvent, TaskIssued
from paidan_contracts.state import CaseState, StageClock
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_contracts.verification_events import CaseVerificationAnswered, CaseVerificationAssigned
from paidan_dispatch.cases.patrols import running_clock

_new_task: Final = unvalidated_constructor(PatrolTask)
_new_issued: Final = unvalidated_constructor(TaskIssued)
_new_ended: Final = unvalidated_constructor(TaskEnded)


def task_events(previous: CaseState | None, events: Sequence[CaseEvent]) -> Iterator[TaskEvent]:
    """Yield what patrols are told of case events, in order."""
    for event in events:
        before, after = _given(previous), _given(event.state)
        if before is not None and (after is None or after.number != before.number):
            task = _task_of(event.state, before)
            yield _new_ended(task=task, recorded_at=event.recorded_at, because=_why_ended(event))
        if after is not None and (before is None or after.number != before.number):
            yield _new_issued(task=_task_of(event.state, after), recorded_at=event.recorded_at)
        previous = event.state


def _given(state: CaseState | None) -> StageClock | None:
    """Return the clock of the task that a patrol has now."""
    clock = running_clock(state) if state is not None and state.status == "received" else None
    verification = clock.verification if clock is not None else None
    has_task = verification is not None and verification.post is not None and verification.answer is None
    return clock if has_task else None


def _why_ended(event: CaseEvent) -> str:
    match event:
        case CaseVerificationAnswered():
            return "answered"
        case CaseVerificationAssigned():
            return "given_to_another"
        case _:
            return "not_needed"


def _task_of(state: CaseState, clock: StageClock) -> PatrolTask:
    return _new_task(
        task_id=ids.task_id(state.case_id, clock.number),
        case_id=state.case_id,
        version=state.version,
        city=state.city,
        post=clock.verification.post if clock.verification is not None else None,
        class_code=state.class_code,
        text=state.text,
        place=state.place,
        photos=state.photos,
        confidential=state.confidential,
        given_at=clock.began_at,
        due_at=clock.due_at,
    )
