"""Whether an order may be given to a unit: it works by itself, it has the rights, it lies in the desk's places."""

from typing import Final

from paidan_contracts.actions import Actor
from paidan_contracts.city import City
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.guards import ActorRole
from paidan_dispatch.cases.refusals import build_refusal

_OPERATOR: Final[ActorRole] = "operator"


def assignment_refusal(state: CaseState, department: str, actor: Actor | None, city: City) -> Refusal | None:
    """Return why a known department may not be given a case by hand; None if it may."""
    bureau = city.units.bureau_of(department)
    if bureau != department:
        unit, above = _name(city, department), _name(city, bureau)
        text = Bilingual(
            f"{unit.en} acts through its bureau: dispatch the case to {bureau} ({above.en}), which hands it on.",
            f"{unit.zh}通过所属单位办理：请派遣给{above.zh}（{bureau}），由其二级派遣。",
        )
        return build_refusal(state, "acts_through_bureau", text, "action.department", role=_OPERATOR)
    return _place_refusal(state, department, actor, city) or enforcement_refusal(
        state, department, "action.department", _OPERATOR, city
    )


def _place_refusal(state: CaseState, department: str, actor: Actor | None, city: City) -> Refusal | None:
    """Return the refusal of a district's or a street's desk that would dispatch to units beyond its places."""
    post = city.posts.get(actor.post) if actor is not None and actor.post is not None else None
    if post is None or post.duty != "desk" or not post.places:
        return None
    unit = city.departments[department]
    if not frozenset(post.places).isdisjoint((unit.district, unit.street)):
        return None
    where = ", ".join(post.places)
    text = Bilingual(
        f"{post.names.en} dispatches to units of {where}, and {unit.names.en} ({department}) is none.",
        f"{post.names.zh}只能派遣给 {where} 的单位，而{unit.names.zh}（{department}）不在其中。",
    )
    return build_refusal(state, "not_your_place", text, "action.department", role=_OPERATOR)


def enforcement_refusal(state: CaseState, unit: str, field: str, role: ActorRole, city: City) -> Refusal | None:
    """Return the refusal of work that needs enforcement rights to a unit that has none."""
    if state.past or city.units.may_enforce(unit) or not city.needs_enforcement(state.class_code, state.row_id):
        return None
    what = state.row_id or state.class_code
    text = Bilingual(
        f"{what} needs enforcement rights, and {_name(city, unit).en} ({unit}) has none.",
        f"{what} 须有执法权，而{_name(city, unit).zh}（{unit}）没有执法权。",
    )
    return build_refusal(state, "no_enforcement_rights", text, field, role=role)


def _name(city: City, unit: str) -> Bilingual:
    known = city.departments.get(unit)
    return Bilingual(known.names.en, known.names.zh) if known else Bilingual(unit, unit)
