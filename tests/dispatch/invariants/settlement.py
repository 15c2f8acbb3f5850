"""What holds of what patrols settle on the spot."""

from paidan_contracts.settlement_events import CaseSettled
from tests.dispatch.invariants.registry import Step, invariant


@invariant
def settled_counts_as_handled(step: Step) -> bool:
    """The department that is counted for it has work that is finished, and who did it is known."""
    if not isinstance(step.event, CaseSettled):
        return True
    assignment = step.after.assignments[-1]
    limit = assignment.limits[-1]
    is_judged = limit.late is None if limit.due_at is None else limit.late == (step.event.recorded_at > limit.due_at)
    return limit.finished_at == step.event.recorded_at and is_judged and assignment.settled_by == step.event.actor
