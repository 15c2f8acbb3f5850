"""Complaints about handling: the unit complained of, and its relatives, neither handle nor judge them."""

from paidan_contracts.actions import Actor
from paidan_contracts.city import City
from paidan_contracts.city.pack_types import Names
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.refusals import build_refusal


def barred_units(complained_of: str, city: City) -> frozenset[str]:
    """Return who may not handle a complaint about a unit: itself, those below it, and those above it.

    Those above may where the city's pack says that a supervising unit takes it.
    """
    tree, complaints = city.units, city.pack.complaints
    above = () if complaints is not None and complaints.supervising_unit else tree.above.get(complained_of, ())
    return frozenset({complained_of, *tree.below.get(complained_of, ()), *above})


def is_barred(state: CaseState, unit: str, city: City) -> bool:
    """Return whether a case complains of a unit, or of one to which it is related."""
    return state.complained_of is not None and unit in barred_units(state.complained_of, city)


def excluded_departments(state: CaseState, city: City) -> frozenset[str]:
    """Return the departments to which no rule gives the case: those that returned it, and those barred from it."""
    declined = frozenset(each.department for each in state.assignments if each.returned_at is not None)
    return declined | barred_units(state.complained_of, city) if state.complained_of else declined


def handles_own_complaint(state: CaseState, names: Names, field: str = "action.department") -> Refusal:
    """Return the refusal to let a unit handle a case that complains of its handling, or of a relative's."""
    text = Bilingual(
        f"The case complains of how {names.en}, or a unit above or below it, handled a matter:"
        " another department must handle it.",
        f"本案投诉{names.zh}或其上下级单位的处置，不得由该单位办理，须由其他单位办理。",
    )
    return build_refusal(state, "not_allowed_in_state", text, field)


def judges_own_complaint(state: CaseState, kind: str, actor: Actor, city: City) -> Refusal | None:
    """Return the refusal of who verifies or inspects a case that complains of the own unit; None for others."""
    if state.complained_of is None or kind not in ("verify", "cannot_verify", "settle", "inspect"):
        return None
    if barred_units(state.complained_of, city).isdisjoint((actor.id, actor.member)):
        return None
    text = Bilingual("The unit complained of may not judge the complaint.", "被投诉单位不得核实或核查对自身的投诉。")
    return build_refusal(state, "doer_may_not_inspect", text, "actor", role="inspector")
