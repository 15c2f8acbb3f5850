"""Complaints about handling: the department complained of neither handles nor judges them."""

from paidan_contracts.actions import Actor
from paidan_contracts.city.pack_types import Names
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.refusals import build_refusal


def excluded_departments(state: CaseState) -> frozenset[str]:
    """Return the departments to which no rule gives the case: those that returned it, and the one complained of."""
    declined = {each.department for each in state.assignments if each.returned_at is not None}
    return frozenset(declined | {state.complained_of} if state.complained_of else declined)


def handles_own_complaint(state: CaseState, names: Names) -> Refusal:
    """Return the refusal to let a department handle a case that complains of its handling."""
    text = Bilingual(
        f"The case complains of how {names.en} handled a matter: another department must handle it.",
        f"本案投诉{names.zh}的处置，不得由该单位办理，须由其他单位办理。",
    )
    return build_refusal(state, "not_allowed_in_state", text, "action.department")


def judges_own_complaint(state: CaseState, kind: str, actor: Actor) -> Refusal | None:
    """Return the refusal of who verifies or inspects a case that complains of the own department; None for others."""
    if state.complained_of is None or kind not in ("verify", "cannot_verify", "settle", "inspect"):
        return None
    if state.complained_of not in (actor.id, actor.member):
        return None
    text = Bilingual("The unit complained of may not judge the complaint.", "被投诉单位不得核实或核查对自身的投诉。")
    return build_refusal(state, "doer_may_not_inspect", text, "actor", role="inspector")
