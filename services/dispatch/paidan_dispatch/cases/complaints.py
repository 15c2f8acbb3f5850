"""Complaints about handling: the unit complained of, and its relatives, neither handle nor judge them."""

from typing import Final

from paidan_contracts.actions import Actor
from paidan_contracts.case_access import barred_units
from paidan_contracts.city import City
from paidan_contracts.city.pack_types import Names
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.refusals import build_refusal

_JUDGING: Final = ("verify", "cannot_verify", "settle", "inspect")
_ANSWERING: Final = ("call_back", "reply")


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


def own_complaint_refusal(state: CaseState, kind: str, actor: Actor, city: City) -> Refusal | None:
    """Return the refusal of who judges a complaint about the own unit, or answers who complains; None for others."""
    if state.complained_of is None or kind not in (*_JUDGING, *_ANSWERING):
        return None
    if barred_units(state.complained_of, city).isdisjoint((actor.id, actor.member)):
        return None
    if kind in _ANSWERING:
        text = Bilingual(
            "The unit complained of, and those above or below it, neither call nor answer who complains.",
            "被投诉单位及其上下级单位的人员不得回访、答复投诉人。",
        )
        return build_refusal(state, "not_your_role", text, "actor", role=actor.kind)
    text = Bilingual("The unit complained of may not judge the complaint.", "被投诉单位不得核实或核查对自身的投诉。")
    return build_refusal(state, "doer_may_not_inspect", text, "actor", role=actor.kind)
