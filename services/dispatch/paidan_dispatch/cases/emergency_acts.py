"""启动, 终止: whether an emergency or an event may be declared or ended, and what then stands."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from paidan_contracts import ids
from paidan_contracts.actions import ActionRequested, Actor
from paidan_contracts.city import City
from paidan_contracts.city.emergencies import EmergencyLevel, EmergencyPlan
from paidan_contracts.city.posts import DUTIES
from paidan_contracts.emergencies import EmergencyDeclaration, EmergencyEnded, StandingInstruction
from paidan_contracts.emergency_actions import DeclareEmergency, EndEmergency
from paidan_contracts.nearest import nearest
from paidan_contracts.orders import StandingOrderEnded, StandingOrderIssued
from paidan_contracts.outcomes import Refusal, RefusalCode
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases.policy import CityPolicy

_OF_A_CASE: Final = Refusal(
    code="invalid_field",
    field="case_id",
    message="It is about the city as a whole: the case id is the city's, a dash, and 32 zeros.",
    message_zh="这是针对全市的操作：case_id 须为城市代码、短横线和 32 个 0。",
)


def declare(
    request: ActionRequested, policy: CityPolicy, standing: Mapping[str, EmergencyDeclaration]
) -> EmergencyDeclaration | Refusal:
    """Return what an action declares, or why it is refused. ``standing`` has not ended, by declaration."""
    action, city = request.action, policy.city
    if not isinstance(action, DeclareEmergency) or request.case_id != ids.city_subject(city.id):
        return _OF_A_CASE
    plan = city.emergencies.get(action.plan)
    if plan is None:
        return _unknown("plan", action.plan, city.emergencies, "The city has no plan", "本市没有预案")
    level = next((each for each in plan.levels if each.id == action.level), None)
    if level is None:
        return _unknown(
            "level", action.level, {each.id: each for each in plan.levels}, "The plan has no level", "预案没有级别"
        )
    refusal = _actor_refusal(request.actor, plan, action.kind, action.places, city) or _place_refusal(action, city)
    if refusal is not None:
        return refusal
    declaration = replace_unvalidated(
        _declaration(request, action, (plan, level), policy), **_hours(action, request.recorded_at, policy)
    )
    return _hours_refusal(declaration) or _repeat_refusal(declaration, standing, policy) or declaration


def end(
    request: ActionRequested, policy: CityPolicy, standing: Mapping[str, EmergencyDeclaration]
) -> EmergencyEnded | Refusal:
    """Return the end of a declaration by an action, or why it is refused."""
    action = request.action
    if not isinstance(action, EndEmergency) or request.case_id != ids.city_subject(policy.city.id):
        return _OF_A_CASE
    declaration = standing.get(action.declaration_id)
    if declaration is None:
        return _refusal("unknown_emergency", "action.declaration_id", "Nothing of this id is in force.",
                        "没有该编号的生效中的应急响应或保障。")  # fmt: skip
    plan = policy.city.emergencies.get(declaration.plan)
    if plan is not None:
        refusal = _actor_refusal(request.actor, plan, action.kind, declaration.places, policy.city)
    else:
        refusal = _only_operators(request.actor)
    return refusal or ended(declaration, request.recorded_at, by=request.actor, reason=action.reason)


def ended(
    declaration: EmergencyDeclaration, at: datetime, *, by: Actor | None = None, reason: str = ""
) -> EmergencyEnded:
    """Return the end of a declaration; None as the actor: its hours are over."""
    return EmergencyEnded(
        declaration_id=declaration.declaration_id,
        city=declaration.city,
        plan=declaration.plan,
        level=declaration.level,
        ended_at=at,
        ended_by=by,
        reason=reason,
    )


def standing_orders(declaration: EmergencyDeclaration) -> Iterator[StandingOrderIssued]:
    """Yield the standing orders of a declaration, one for each department."""
    without_orders = replace_unvalidated(declaration, orders=())
    for order in declaration.orders:
        for department in order.departments:
            yield StandingOrderIssued(
                order_id=ids.standing_order_id(declaration.declaration_id, order.order, department),
                department=department,
                order=order.order,
                text=order.text,
                text_zh=order.text_zh,
                declaration=without_orders,
                recorded_at=declaration.declared_at,
            )


def order_end(order: StandingOrderIssued, at: datetime) -> StandingOrderEnded:
    """Return the end of a standing order."""
    return StandingOrderEnded(
        order_id=order.order_id,
        department=order.department,
        declaration_id=order.declaration.declaration_id,
        ended_at=at,
    )


def _declaration(
    request: ActionRequested, action: DeclareEmergency, terms: tuple[EmergencyPlan, EmergencyLevel], policy: CityPolicy
) -> EmergencyDeclaration:
    plan, level = terms
    return EmergencyDeclaration(
        declaration_id=request.action_id,
        city=policy.city.id,
        city_version=policy.version,
        plan=plan.id,
        plan_names=plan.names,
        kind=plan.kind,
        level=level.id,
        level_names=level.names,
        places=tuple(dict.fromkeys(action.places)),
        priority=level.priority,
        restores=plan.restore,
        declared_at=request.recorded_at,
        declared_by=request.actor,
        begins_at=request.recorded_at,
        reason=action.reason,
        orders=tuple(
            StandingInstruction(order=each.id, departments=each.departments, text=each.text.en, text_zh=each.text.zh)
            for each in level.orders
        ),
    )


def _hours(action: DeclareEmergency, at: datetime, policy: CityPolicy) -> dict[str, datetime | None]:
    """Return when it begins, which is never before now, and when it ends by itself."""
    begins_at = max(policy.in_city_time(action.begins_at), at) if action.begins_at else at
    return {"begins_at": begins_at, "ends_at": policy.in_city_time(action.ends_at) if action.ends_at else None}


def _hours_refusal(declaration: EmergencyDeclaration) -> Refusal | None:
    if declaration.ends_at is None:
        if declaration.kind == "event":
            return _refusal("invalid_field", "action.ends_at", "Of an event the end of its hours is needed.",
                            "重大活动保障须写明结束时间。")  # fmt: skip
        return None
    if declaration.ends_at <= declaration.begins_at:
        return _refusal("invalid_field", "action.ends_at", "It would end before it begins.", "结束时间须晚于开始时间。")
    return None


def _repeat_refusal(
    declaration: EmergencyDeclaration, standing: Mapping[str, EmergencyDeclaration], policy: CityPolicy
) -> Refusal | None:
    for other in standing.values():
        same = (other.plan, other.level, set(other.places)) == (
            declaration.plan, declaration.level, set(declaration.places)
        )  # fmt: skip
        is_apart = (other.ends_at is not None and other.ends_at <= declaration.begins_at) or (
            declaration.ends_at is not None and declaration.ends_at <= other.begins_at
        )
        if same and not is_apart:
            at = policy.local_time(other.begins_at)
            return _refusal("already_declared", "action.level", f"It is declared already, from {at} on.",
                            f"已启动，自 {at} 起。")  # fmt: skip
    return None


def _place_refusal(action: DeclareEmergency, city: City) -> Refusal | None:
    known = {each.code: each for each in city.pack.geography.places}
    for code in action.places:
        if code not in known:
            return _unknown("places", code, known, "The city has no place", "本市没有区域")
    return None


def _actor_refusal(actor: Actor, plan: EmergencyPlan, kind: str, places: tuple[str, ...], city: City) -> Refusal | None:
    """Return why an actor may not declare or end it: the plan names duties and departments, the city divides duties."""
    post = city.posts.get(actor.post) if actor.post is not None else None
    if actor.kind == "department":
        is_theirs = actor.id in plan.departments and (post is None or post.duty == "department_chief")
        return None if is_theirs else _not_theirs("not_your_role", plan)
    if actor.kind != "operator":
        return _not_theirs("not_your_role", plan)
    if post is None:
        return None
    may = city.duty_actions.get(post.duty)
    if post.duty not in plan.duties or (may is not None and kind not in may):
        return _not_theirs("not_your_duty", plan)
    if post.places and not (places and set(places) <= set(post.places)):
        where = ", ".join(post.places)
        return _refusal(
            "not_your_place", "action.places", f"Your post is for {where} alone.", f"您的岗位仅限 {where}。"
        )
    return None


def _only_operators(actor: Actor) -> Refusal | None:
    """Return why an actor may not end what was declared by a plan that the pack no longer has."""
    if actor.kind == "operator":
        return None
    return _refusal("not_your_role", "actor", "The city's pack has no such plan any more: operators end it.",
                    "配置包中已无该预案：由派遣员终止。")  # fmt: skip


def _not_theirs(code: RefusalCode, plan: EmergencyPlan) -> Refusal:
    duties = [DUTIES[each].names for each in plan.duties]
    en, zh = ", ".join(each.en for each in duties), "、".join(each.zh for each in duties)
    return _refusal(
        code, "actor", f"{plan.names.en} is declared and ended by: {en}.", f"{plan.names.zh}由{zh}启动和终止。"
    )


def _unknown(field: str, name: str, known: Mapping[str, object], text: str, text_zh: str) -> Refusal:
    hint = nearest(name, known)
    return _refusal("invalid_field", f"action.{field}", f"{text} {name!r}{hint.en}.", f"{text_zh} {name!r}{hint.zh}。")


def _refusal(code: RefusalCode, field: str, message: str, message_zh: str) -> Refusal:
    return Refusal(code=code, field=field, message=message, message_zh=message_zh)
