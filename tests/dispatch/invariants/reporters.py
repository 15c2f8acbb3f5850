"""What holds of those who reported: their reports, callbacks and answers."""

from typing import Final

from paidan_dispatch.cases.limit_requests import is_planned
from paidan_dispatch.cases.reports import JOINED_KEPT, JOINED_TEXT_LENGTH
from tests.dispatch.invariants.registry import Step, invariant

ENDED: Final = frozenset({"closed", "voided", "not_accepted"})


@invariant
def joined_reports_are_bounded(step: Step) -> bool:
    """The newest few, cut; a confidential one says nothing."""
    joined = step.after.joined
    return (
        len(joined) == min(JOINED_KEPT, step.after.reports - 1)
        and all(len(each.text) <= JOINED_TEXT_LENGTH for each in joined)
        and all(not each.text and each.address is None for each in joined if each.confidential)
    )


@invariant
def callbacks_await_a_closed_case(step: Step) -> bool:
    """And those alone who are to be called."""
    state = step.after
    return set(state.callbacks_awaited) <= set(state.callbacks_wanted) and (
        not state.callbacks_awaited or (state.status == "closed" and not state.past)
    )


@invariant
def nobody_calls_a_camera(step: Step) -> bool:
    """A machine's report is not called back."""
    return not any(
        each.channel == "camera" and each.report_id in step.after.callbacks_wanted for each in step.after.joined
    )


@invariant
def residents_are_answered_at_the_end(step: Step) -> bool:
    """What was inspected, why the case ended, or when it is to be built; not what a department only says."""
    return step.after.past or (step.after.answer is not None) == (step.after.status in ENDED or is_planned(step.after))
