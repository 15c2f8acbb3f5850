"""What holds of corrections, notes and numbers."""

from typing import Final

from paidan_contracts.record_events import CaseCorrected, CaseNoteAdded
from paidan_contracts.state import CaseState
from tests.dispatch.invariants.registry import Step, invariant

COURSE: Final = ("status", "area", "department", "helpers", "round", "hops", "reopened", "joined", "opened_by")
"""What a correction leaves as it is."""


@invariant
def notes_change_nothing(step: Step) -> bool:
    """But what departments read."""
    if not isinstance(step.event, CaseNoteAdded) or step.before is None:
        return True
    same = {"version": 0, "city_version": "", "notes": None}
    return step.after.model_copy(update=same) == step.before.model_copy(update=same)


@invariant
def corrections_say_what_they_changed(step: Step) -> bool:
    """Each field before and after, and no field that stayed."""
    event = step.event
    if not isinstance(event, CaseCorrected):
        return True
    return bool(event.corrections) and all(each.before != each.after for each in event.corrections)


@invariant
def corrections_keep_the_course(step: Step) -> bool:
    """Who has the order, how far the work is and when its limits began stay as they are."""
    if not isinstance(step.event, CaseCorrected) or step.before is None:
        return True
    kept = all(getattr(step.before, name) == getattr(step.after, name) for name in COURSE)
    return kept and _begun(step.before) == _begun(step.after)


@invariant
def numbers_never_change(step: Step) -> bool:
    """Whatever is corrected."""
    return step.before is None or step.before.numbers == step.after.numbers


def _begun(state: CaseState) -> list[tuple[str, object]]:
    return [(each.order_id, limit.began_at) for each in state.assignments for limit in each.limits]
