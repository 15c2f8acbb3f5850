"""Who may declare and end an emergency or an event, of what, and what departments are told."""

from typing import Any

import pytest

from paidan_contracts import ids
from paidan_contracts.emergencies import EmergencyEnded
from paidan_contracts.emergency_actions import DeclareEmergency, EndEmergency
from paidan_contracts.outcomes import Refusal
from paidan_dispatch.cases import emergency_acts
from tests.dispatch.builders import at_minute
from tests.dispatch.emergency_cases import POLICY, declared, policy_with_plans, request

SNOW_3 = DeclareEmergency(plan="snow", level="3")
PARADE = DeclareEmergency(plan="parade", level="all", places=("1",), ends_at=at_minute(600))


@pytest.mark.parametrize(
    ("action", "context", "refusal"),
    [
        (SNOW_3, {"post": "chief"}, None),
        (SNOW_3, {}, None),
        (SNOW_3, {"actor": "department:roads"}, None),
        (PARADE, {"post": "desk-1"}, None),
        (SNOW_3, {"actor": "department:water"}, ("not_your_role", "actor")),
        (SNOW_3, {"actor": "department:roads", "post": "clerk"}, ("not_your_role", "actor")),
        (SNOW_3, {"actor": "inspector:ivy"}, ("not_your_role", "actor")),
        (SNOW_3, {"post": "dispatcher"}, ("not_your_duty", "actor")),
        (PARADE.model_copy(update={"places": ()}), {"post": "desk-1"}, ("not_your_place", "action.places")),
        (PARADE.model_copy(update={"places": ("1", "2")}), {"post": "desk-1"}, ("not_your_place", "action.places")),
        (PARADE.model_copy(update={"places": ("9",)}), {}, ("invalid_field", "action.places")),
        (PARADE.model_copy(update={"ends_at": None}), {}, ("invalid_field", "action.ends_at")),
        (PARADE.model_copy(update={"ends_at": at_minute(-1)}), {}, ("invalid_field", "action.ends_at")),
        (DeclareEmergency(plan="flood", level="3"), {}, ("invalid_field", "action.plan")),
        (DeclareEmergency(plan="snow", level="9"), {}, ("invalid_field", "action.level")),
        (SNOW_3, {"case_id": "town-" + "1" * 32}, ("invalid_field", "case_id")),
    ],
)
def test_who_may_declare_what(
    action: DeclareEmergency, context: dict[str, Any], refusal: tuple[str, str] | None
) -> None:
    result = emergency_acts.declare(request(action, **context), POLICY, {})

    assert ((result.code, result.field) if isinstance(result, Refusal) else None) == refusal
    assert not isinstance(result, Refusal) or result.message_zh


def test_duties_of_the_city_bind_here_too() -> None:
    policy = policy_with_plans(duties=[{"duty": "duty_chief", "actions": ["verify", "end_emergency"]}])
    standing = {declared().declaration_id: declared()}
    end = EndEmergency(declaration_id=declared().declaration_id)

    refused = emergency_acts.declare(request(SNOW_3, post="chief"), policy, {})
    ended = emergency_acts.end(request(end, post="chief", minutes=5), policy, standing)

    assert isinstance(refused, Refusal)
    assert refused.code == "not_your_duty"
    assert isinstance(ended, EmergencyEnded)
    assert (ended.ended_at, ended.ended_by.post if ended.ended_by else None) == (at_minute(5), "chief")


def test_same_level_is_declared_once_at_a_time() -> None:
    standing = {declared().declaration_id: declared(ends_at=at_minute(60))}
    again = emergency_acts.declare(request(SNOW_3, minutes=10), POLICY, standing)
    graver = emergency_acts.declare(request(DeclareEmergency(plan="snow", level="2"), minutes=10), POLICY, standing)
    after = SNOW_3.model_copy(update={"begins_at": at_minute(60)})
    later = emergency_acts.declare(request(after, minutes=10), POLICY, standing)

    assert isinstance(again, Refusal)
    assert again.code == "already_declared"
    assert not isinstance(graver, Refusal)
    assert not isinstance(later, Refusal)
    assert later.begins_at == at_minute(60)


def test_it_never_begins_before_it_is_declared() -> None:
    action = SNOW_3.model_copy(update={"begins_at": at_minute(-60)})

    declaration = emergency_acts.declare(request(action, minutes=10), POLICY, {})

    assert not isinstance(declaration, Refusal)
    assert declaration.begins_at == at_minute(10)


def test_what_is_not_in_force_cannot_end() -> None:
    end = EndEmergency(declaration_id=declared().declaration_id)
    refused = emergency_acts.end(request(end), POLICY, {})
    by_whom = emergency_acts.end(request(end, post="dispatcher"), POLICY, {declared().declaration_id: declared()})

    assert [each.code for each in (refused, by_whom) if isinstance(each, Refusal)] == [
        "unknown_emergency", "not_your_duty"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("actor", "code"), [("department:roads", "not_your_role"), ("inspector:ivy", "not_your_role"), ("operator:o", None)]
)
def test_what_a_plan_declared_that_the_pack_no_longer_has_is_ended_by_operators(actor: str, code: str | None) -> None:
    declaration = declared().model_copy(update={"plan": "fog"})
    end = EndEmergency(declaration_id=declaration.declaration_id)

    ended = emergency_acts.end(request(end, actor=actor), POLICY, {declaration.declaration_id: declaration})

    assert (ended.code if isinstance(ended, Refusal) else None) == code


def test_standing_orders_have_ids_of_their_own() -> None:
    snow = declared()
    issued = list(emergency_acts.standing_orders(snow))

    assert [(each.department, each.order, each.text, each.text_zh) for each in issued] == [
        ("roads", "plough", "Stand by.", "备勤"),
        ("north", "plough", "Stand by.", "备勤"),
    ]
    assert issued[0].order_id == ids.standing_order_id(snow.declaration_id, "plough", "roads") != issued[1].order_id
    assert emergency_acts.order_end(issued[0], at_minute(9)).order_id == issued[0].order_id
    assert list(emergency_acts.standing_orders(declared("parade", "all", ends_at=at_minute(9)))) == []
