"""督办: raises a case to a level of the city's ladder, by its steps or by hand; ends that. Status and limits stay."""

from typing import Final

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseUrged
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.escalation_events import CaseEscalated, CaseEscalationEnded
from paidan_contracts.escalations import LadderPosition
from paidan_contracts.outcomes import Refusal, RefusalCode
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases import refusals
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import ASSIGNED_STATUSES, ActResult, Provenance, event_fields, next_state
from paidan_dispatch.cases.ladder import Raised, advance, end_levels, raise_to, running_limit
from paidan_dispatch.cases.policy import CityPolicy

_new_escalated: Final = unvalidated_constructor(CaseEscalated)
_new_ended: Final = unvalidated_constructor(CaseEscalationEnded)
_new_urged: Final = unvalidated_constructor(CaseUrged)


def escalate(state: CaseState, action: Escalate, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """督办 by hand: to the level that is named, or to the one above the highest that stands."""
    if not action.reason:
        return refusals.reason_missing(state, action.kind, "operator")
    level = _level_to_raise(state, action, policy)
    if isinstance(level, Refusal):
        return level
    raised = Raised(provenance.recorded_at, rule=None, by=provenance.actor, reason=action.reason)
    after = next_state(state, provenance, escalation=raise_to(state, (level,), raised, policy))
    return [_new_escalated(**event_fields(after, provenance), levels=(level,), reason=action.reason)]


def end_escalation(state: CaseState, action: EndEscalation, provenance: Provenance) -> ActResult:
    """解除督办: the level that is named, or every one that stands, is over."""
    if not action.reason:
        return refusals.reason_missing(state, action.kind, "operator")
    escalation = state.escalation
    standing = [each.level for each in escalation.standing] if escalation else []
    levels = standing if action.level is None else [each for each in standing if each == action.level]
    if escalation is None or not levels:
        names = ", ".join(standing)
        text = Bilingual(
            f"The case is not raised to it now; it is raised to: {names or 'no level'}.",
            f"案件当前未处于该督办层级；现有层级：{names or '无'}。",
        )
        return refusals.build_refusal(state, "not_escalated", text, "action.level", role="operator")
    ended = end_levels(escalation, levels, provenance.recorded_at, action.reason)
    after = next_state(state, provenance, escalation=ended)
    return [_new_ended(**event_fields(after, provenance), levels=tuple(levels), reason=action.reason)]


def _level_to_raise(state: CaseState, action: Escalate, policy: CityPolicy) -> str | Refusal:
    ladder = policy.city.pack.escalation
    levels = [each.id for each in ladder.levels] if ladder else []
    standing = state.escalation.standing if state.escalation else ()
    if action.level is None:
        above = levels[max((each.rank for each in standing), default=0) :]
        if above:
            return above[0]
    elif action.level in levels:
        if all(each.level != action.level for each in standing):
            return action.level
    else:
        return refusals.unknown_level(state, action.level, levels)
    code: RefusalCode = "already_escalated" if levels else "unknown_level"
    text = (
        Bilingual("The case is raised to that level already, or to the highest.", "案件已处于该层级或最高层级。")
        if levels
        else Bilingual("The city's pack has no levels of escalation.", "本市配置包未设督办层级。")
    )
    return refusals.build_refusal(state, code, text, "action.level", role="operator")


def take_step(state: CaseState, position: LadderPosition, provenance: Provenance) -> CaseEvent:
    """Take the ladder's step that is due: raise the case or, where it names no new level, urge the department."""
    policy, at, limit = provenance.policy, provenance.recorded_at, running_limit(state, position.clock)
    rule, text = policy.rule_ref(position.step or ""), _text_of(position.step or "", policy)
    raised = raise_to(state, position.levels, Raised(at, rule, None, text), policy)
    is_higher = (
        bool(position.levels)
        and raised is not None
        and (state.escalation is None or raised.standing != state.escalation.standing)
    )
    if limit is not None:
        stepped = state.model_copy(update={"escalation": raised})
        raised = advance(stepped, limit, at, policy, fired=position.step)
    if is_higher or state.status not in ASSIGNED_STATUSES:
        after = next_state(state, provenance, escalation=raised)
        fields = event_fields(after, provenance)
        return _new_escalated(**fields, levels=position.levels, rule=rule, clock=position.clock, reason=text)
    after = next_state(state, provenance, escalation=raised, urged=state.urged + 1)
    department = state.assignments[-1].department
    return _new_urged(**event_fields(after, provenance), department=department, reason=text)


def _text_of(step: str, policy: CityPolicy) -> str:
    ladder = policy.city.pack.escalation
    names = next((each.names for each in ladder.steps if each.id == step), None) if ladder else None
    return Bilingual(names.en, names.zh).joined() if names else step
