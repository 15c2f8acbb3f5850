"""What holds of a case's escalations and of the ladder that raises it by itself."""

from paidan_contracts.cases import CaseUrged
from paidan_contracts.escalation_events import CaseEscalated, CaseEscalationEnded
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.invariants.clocks import STAGES
from tests.dispatch.invariants.registry import Step, invariant


@invariant
def escalating_moves_nothing(step: Step) -> bool:
    """Status and deadlines, and all else, stay as they were."""
    if step.before is None or not isinstance(step.event, CaseEscalated | CaseEscalationEnded | CaseUrged):
        return True
    kept = {"version": 0, "city_version": "", "escalation": None, "urged": 0}
    return step.after.model_copy(update=kept) == step.before.model_copy(update=kept)


@invariant
def level_stands_once(step: Step) -> bool:
    """Raising it again while it stands changes nothing."""
    standing = [each.level for each in step.after.escalation.standing] if step.after.escalation else []
    return len(standing) == len(set(standing))


@invariant
def escalations_end_with_the_case(step: Step) -> bool:
    """Nobody supervises what is over."""
    has_ended = step.after.status in ("closed", "voided", "not_accepted")
    return not (has_ended and step.after.escalation and step.after.escalation.standing)


@invariant
def escalation_names_its_cause(step: Step) -> bool:
    """A step of the ladder, or somebody."""
    entries = step.after.escalation.entries if step.after.escalation else ()
    return all((each.rule is None) != (each.by is None) for each in entries)


@invariant
def ladder_step_fires_once_for_a_limit(step: Step) -> bool:
    """What fired is kept, and is never the next step again."""
    ladder = step.after.escalation.ladder if step.after.escalation else ()
    before = step.before.escalation.ladder if step.before and step.before.escalation else ()
    is_fired = step.event.cause.kind == "timer" and isinstance(step.event, CaseEscalated | CaseUrged)
    fired = {(each.clock, each.limit, each.fired) for each in ladder}
    noted = [each for each in before if (each.clock, each.limit, (*each.fired, each.step)) in fired]
    return (not is_fired or len(noted) == 1) and all(
        each.step not in each.fired and len(each.fired) == len(set(each.fired)) for each in ladder
    )


@invariant
def ladder_halts_with_its_clock(step: Step) -> bool:
    """Work that is suspended, inspected or over is not escalated."""
    clocks = {str(each.kind) for each in running_timers(step.after) if each.kind.endswith("_escalation")}
    working = {"accept_escalation", "handle_escalation"} if step.after.status in ("dispatched", "handling") else set()
    return clocks <= working | {f"{STAGES.get(step.after.status)}_escalation"}
