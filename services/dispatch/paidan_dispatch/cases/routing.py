"""Which department must act: the city's rules are asked in order, and the one that answers is the receipt."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from paidan_contracts.city import Routed, RoutingInput
from paidan_contracts.state import CaseState, RuleRef
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.policy import CityPolicy


@dataclass(frozen=True, slots=True)
class Assigned:
    """The department that must act, and the rule that says so."""

    department: str
    placed_by: RuleRef


@dataclass(frozen=True, slots=True)
class NoRoute:
    """A person must choose, and why."""

    reason: Bilingual


RoutingResult: TypeAlias = Assigned | NoRoute


def route(state: CaseState, at: datetime, policy: CityPolicy) -> RoutingResult:
    """Name the department that must act on a filed case, and the rule that says so.

    The first rule that covers it wins, judged by the city's own time at the moment given, so a city reads its file
    top to bottom. A department that returned the case is not asked again; after so many returns nobody is, for then
    one must be appointed.
    """
    if state.past:
        return _route_by_record(state, policy)
    if state.hops >= policy.city.clocks.returns_before_adjudication:
        return NoRoute(_returned_text(state.hops))
    routed = policy.city.rule_index.route(_routing_input(state, at, policy))
    if not isinstance(routed, Routed):
        return NoRoute(Bilingual("No routing rule covers it.", "没有派遣规则适用。"))
    return Assigned(routed.department, policy.rule_ref(routed.rule))


def _route_by_record(state: CaseState, policy: CityPolicy) -> RoutingResult:
    if state.department is None or state.hops:
        return NoRoute(Bilingual("Its record names no owner that the city knows.", "记录中没有本市已知的责任单位。"))
    return Assigned(state.department, policy.rule_ref("by_record"))


def _routing_input(state: CaseState, at: datetime, policy: CityPolicy) -> RoutingInput:
    row = policy.city.rows.get(state.row_id) if state.row_id else None
    return RoutingInput(
        class_code=state.class_code,
        place=policy.place_codes(state.place),
        channel=state.channel,
        source=state.source,
        at=at,
        condition=row.condition if row else None,
        owner=state.suggested_owner,
        matter=state.matter,
        declined=_declining_departments(state) if state.hops else frozenset(),
    )


def _declining_departments(state: CaseState) -> frozenset[str]:
    return frozenset(each.department for each in state.assignments if each.returned_at is not None)


def _returned_text(times: int) -> Bilingual:
    return Bilingual(
        f"It was returned {times} times: one unit must be appointed.", f"已退单 {times} 次，须审定责任单位。"
    )
