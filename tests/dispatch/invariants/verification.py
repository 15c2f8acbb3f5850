"""What holds of verification as a task."""

from datetime import timedelta

from paidan_contracts.state import StageClock
from paidan_contracts.verification_events import CaseVerificationAnswered, CaseVerificationAssigned
from tests.dispatch.invariants.registry import Step, invariant
from tests.dispatch.verified_cases import PATROLS, VERIFICATION

_LIMIT = timedelta(minutes=VERIFICATION["limit"]["amount"])
_PATROLS = {each["id"] for each in PATROLS if each["duty"] in VERIFICATION["duties"]}


def _verifications(step: Step) -> list[StageClock]:
    return [each for each in step.after.clocks if each.verification is not None]


@invariant
def verification_is_required_by_a_rule(step: Step) -> bool:
    """Whoever waits for it finds why it is needed."""
    return all(each.verification and each.verification.required_by for each in _verifications(step))


@invariant
def task_is_a_patrols(step: Step) -> bool:
    """Nobody at a desk can look on site."""
    given = [each.verification.post for each in _verifications(step) if each.verification]
    return _PATROLS.issuperset(each for each in given if each is not None)


@invariant
def task_has_a_limit_of_its_own(step: Step) -> bool:
    """It begins as the task is given, and is not longer than the pack's."""
    return all(
        each.due_at - each.began_at == _LIMIT
        for each in _verifications(step)
        if each.verification and each.verification.post
    )


@invariant
def verifying_moves_nothing(step: Step) -> bool:
    """Giving the task, and its answer, change the clocks alone; what follows from an answer is a step of its own."""
    if step.before is None or not isinstance(step.event, CaseVerificationAssigned | CaseVerificationAnswered):
        return True
    kept = {"version": 0, "city_version": "", "clocks": ()}
    return step.after.model_copy(update=kept) == step.before.model_copy(update=kept)
