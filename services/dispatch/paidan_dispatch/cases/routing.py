"""Which department must act: the city's rules are asked in order, and the one that answers is the receipt."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from paidan_contracts.city import Routable, Routed
from paidan_contracts.state import CaseState, RuleRef
from paidan_dispatch.cases.bilingual import Words
from paidan_dispatch.cases.policy import Bylaws


@dataclass(frozen=True, slots=True)
class Placed:
    """The department that must act, and the rule that says so."""

    department: str
    placed_by: RuleRef


@dataclass(frozen=True, slots=True)
class HardToPlace:
    """A person must choose, and why."""

    because: Words


Placement: TypeAlias = Placed | HardToPlace


def place(state: CaseState, at: datetime, bylaws: Bylaws) -> Placement:
    """Name the department that must act on a filed case, and the rule that says so.

    The first rule that covers it wins, judged by the city's own time at the moment given, so a city reads its file
    top to bottom. A department that returned the case is not asked again; after so many returns nobody is, for then
    one must be appointed.
    """
    if state.past:
        return _by_record(state, bylaws)
    if state.hops >= bylaws.city.clocks.returns_before_adjudication:
        return HardToPlace(_returned(state.hops))
    routed = bylaws.city.route(_routable(state, at, bylaws))
    if not isinstance(routed, Routed):
        return HardToPlace(Words("No routing rule covers it.", "没有派遣规则适用。"))
    return Placed(routed.department, bylaws.receipt(routed.rule))


def _by_record(state: CaseState, bylaws: Bylaws) -> Placement:
    if state.department is None or state.hops:
        return HardToPlace(Words("Its record names no owner that the city knows.", "记录中没有本市已知的责任单位。"))
    return Placed(state.department, bylaws.receipt("by_record"))


def _routable(state: CaseState, at: datetime, bylaws: Bylaws) -> Routable:
    row = bylaws.city.rows.get(state.row_id) if state.row_id else None
    return Routable(
        class_code=state.class_code,
        spot=bylaws.spot(state.place),
        channel=state.channel,
        source=state.source,
        at=at,
        condition=row.condition if row else None,
        owner=state.suggested_owner,
        matter=state.matter,
        declined=_declined(state) if state.hops else frozenset(),
    )


def _declined(state: CaseState) -> frozenset[str]:
    return frozenset(each.department for each in state.assignments if each.returned_at is not None)


def _returned(times: int) -> Words:
    return Words(f"It was returned {times} times: one unit must be appointed.", f"已退单 {times} 次，须审定责任单位。")
