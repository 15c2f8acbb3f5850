"""Who may act on a case: by role, by part in it, and by what was done before."""

from collections.abc import Iterator

from paidan_contracts.actions import Action, ActionRequested, Actor
from paidan_contracts.assignments import UnitOrder
from paidan_contracts.outcomes import Refusal
from paidan_contracts.record_actions import Correct
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import refusals
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import is_active
from paidan_dispatch.cases.guards import ROLE_ACTIONS, TIME_LIMIT_ACTIONS
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.post_rights import correction_refusal, duty_refusal
from paidan_dispatch.cases.transitions.helper_orders import acting_helper
from paidan_dispatch.cases.transitions.unit_orders import has_unit_order


def role_refusal(state: CaseState, request: ActionRequested, policy: CityPolicy) -> Refusal | None:
    """Return why an actor may not take an action on a case in any state; None where it may."""
    kind, actor = request.action.kind, request.actor
    if kind == "inspect" and actor.kind != "importer" and _did_the_work(state, actor, policy):
        text = Bilingual("Who did the work may not inspect it.", "处置单位不得核查自己的处置。")
        return refusals.build_refusal(state, "doer_may_not_inspect", text, "actor", role="inspector")
    if kind not in ROLE_ACTIONS[actor.kind]:
        return refusals.not_your_role(state, kind, actor.kind)
    if actor.post is not None and (refusal := _post_refusal(state, request.action, actor.post, policy)):
        return refusal
    if actor.kind == "importer" and not state.past:
        return refusals.not_an_import(state)
    if actor.kind == "department" and actor.id != state.department:
        has_order = acting_helper(state, actor) is not None or has_unit_order(state, actor.id)
        return None if has_order and kind not in TIME_LIMIT_ACTIONS else refusals.NOT_YOUR_ORDER
    return None


def _post_refusal(state: CaseState, action: Action, post: str, policy: CityPolicy) -> Refusal | None:
    refusal = duty_refusal(state, action.kind, post, policy.city)
    if refusal is None and isinstance(action, Correct):
        return correction_refusal(state, action, post, policy.city)
    return refusal


def _did_the_work(state: CaseState, actor: Actor, policy: CityPolicy) -> bool:
    """Return whether an inspection would judge the actor's own work: that of the person, of the unit, or of one above
    or below it.
    """
    if actor.person is not None and actor.person in _persons_at_work(state):
        return True
    settled_by = state.assignments[-1].settled_by if state.assignments else None
    if (
        settled_by is not None
        and (settled_by.kind, settled_by.id) == (actor.kind, actor.id)
        and settled_by.person is None
    ):
        return True
    tree, doers = policy.city.units, _doers(state)
    related = {unit for doer in doers for unit in (*tree.above.get(doer, ()), *tree.below.get(doer, ()))}
    return not (doers | related).isdisjoint((actor.id, actor.member))


def _doers(state: CaseState) -> frozenset[str]:
    """Return whose work an inspection judges: the lead, those that helped it, the units to which it handed on, and the
    unit of a patrol that settled it.
    """
    helpers = {each.department for each in state.helpers if is_active(each) and each.accepted_at is not None}
    units = {each.unit for each in _confirmed_units(state)}
    settled_by = state.assignments[-1].settled_by if state.assignments else None
    patrol = {settled_by.member} if settled_by is not None and settled_by.member is not None else frozenset()
    return frozenset({*helpers, *units, *patrol, state.department} if state.department else helpers)


def _persons_at_work(state: CaseState) -> frozenset[str]:
    return frozenset(state.workers) | {each.person for each in _confirmed_units(state) if each.person is not None}


def _confirmed_units(state: CaseState) -> Iterator[UnitOrder]:
    handed_on = state.assignments[-1].handed_on if state.assignments else ()
    yield from (each for each in handed_on if each.confirmed_at is not None)
