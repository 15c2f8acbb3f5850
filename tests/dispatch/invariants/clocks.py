"""What holds of the clocks of stages and of timers."""

from datetime import datetime
from typing import Final

from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.invariants.registry import Step, invariant

STAGES: Final = {
    "received": "verify",
    "filed": "dispatch",
    "inspecting": "inspect",
    "closed": "callback",
}
"""The stage whose clock may run in a status; in others none does."""


@invariant
def one_stage_clock_runs(step: Step) -> bool:
    """The last, in the status of its stage."""
    running = [each for each in step.after.clocks if each.ended_at is None]
    return running in ([], list(step.after.clocks[-1:])) and all(
        each.kind in (STAGES.get(step.after.status), "construction" if step.after.status == "filed" else None)
        for each in running
    )


@invariant
def timer_generations_are_never_reused(step: Step) -> bool:
    """A timer that was cancelled must not fire as another one."""
    due: dict[str, datetime] = {each.id: each.due_at for each in step.timers_set}
    return all(due.get(each.id, each.due_at) == each.due_at for each in running_timers(step.after))
