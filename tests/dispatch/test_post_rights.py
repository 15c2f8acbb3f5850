"""Rights by post: duties as the city divides them, a desk's own places, and who did the work may not inspect it."""

from typing import get_args

import pytest

from paidan_chassis.edge.api_keys import Principal
from paidan_contracts.actions import KNOWN_ACTION_KINDS, Action, Assign, Inspect, Redispatch, Verify
from paidan_contracts.city.posts import DUTIES, DutyAction, scopes_of
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_dispatch.actions.forms import build_form
from paidan_dispatch.actions.permissions import Permission, PermissionQuery
from paidan_dispatch.actions.requests import actor_of
from paidan_dispatch.cases.decide import Progressed, Refused
from tests.dispatch.action_table import ACTIONS, ALLOWED, case_in_status
from tests.dispatch.builders import ActionContext, at_minute, build_report, case_after, decide_action, opened_case
from tests.dispatch.posts import PERSON, POSTS, decide_by_post, refusal_code
from tests.dispatch.sample_pack import pack_document
from tests.dispatch.units import policy_with_units

POLICY = policy_with_units(
    posts=POSTS,
    duties=[
        {"duty": "acceptor", "actions": ["verify", "file"]},
        {"duty": "dispatcher", "actions": ["assign", "redispatch"]},
    ],
)


def result(state: CaseState, action: Action, post: str, *, actor: str = "operator:olga") -> Progressed | Refused:
    return decide_by_post(state, action, post, policy=POLICY, actor=actor)


def test_duties_know_every_kind_of_action() -> None:
    assert set(get_args(DutyAction)) == KNOWN_ACTION_KINDS


def test_what_is_no_duty_of_a_post_in_this_city_is_refused_by_name() -> None:
    state = opened_case(build_report(class_code="E0602"), policy=POLICY)

    refused = result(state, Assign(department="water", reason="x"), "taker")

    assert isinstance(refused, Refused)
    assert refused.refusal.code == "not_your_duty"
    who_may = "Dispatcher, District or street desk"
    assert refused.refusal.message.startswith(f"Post taker may not assign in this city; who may: {who_may}.")
    assert refused.refusal.message_zh.startswith("taker岗在本市无权进行派遣；有权的岗位：派遣员、区县、街道席位。")
    assert refusal_code(result(state, Assign(department="water", reason="x"), "sender")) is None


def test_duty_that_the_pack_does_not_name_keeps_what_its_scope_allows_and_keys_as_before() -> None:
    state = opened_case(build_report(source="app"), policy=POLICY)

    assert refusal_code(result(state, Verify(verified=True), "sender")) == "not_your_duty"
    assert refusal_code(result(state, Verify(verified=True), "taker")) is None
    assert refusal_code(result(state, Verify(verified=True), "looker", actor="inspector:ivy")) is None
    assert refusal_code(result(state, Verify(verified=True), "no-such-post")) is None
    key = ActionContext(actor="operator:olga")
    assert refusal_code(decide_action(state, Verify(verified=True), key, policy=POLICY)) is None


def test_volunteer_verifies_and_does_not_inspect() -> None:
    received = opened_case(build_report(source="app"), policy=POLICY)
    done = case_after(case_after(opened_case(policy=POLICY), Accept(), policy=POLICY), Finish(), policy=POLICY)

    assert refusal_code(result(received, Verify(verified=True), "helper", actor="inspector:ivy")) is None
    assert refusal_code(result(done, Inspect(passed=True), "helper", actor="inspector:ivy")) == "not_your_duty"


def test_desk_dispatches_to_units_of_its_place_alone() -> None:
    state = opened_case(build_report(class_code="E0602"), policy=POLICY)

    refused = result(state, Redispatch(department="south", reason="x"), "west-desk")
    beyond = result(state, Assign(department="south", reason="x"), "west-desk")

    assert {refusal_code(refused), refusal_code(beyond)} <= {"not_allowed_in_state", "not_your_place"}
    assert isinstance(beyond, Refused)
    assert beyond.refusal.message.startswith("Post west-desk dispatches to units of 1, and south (south) is none.")
    assert refusal_code(result(state, Assign(department="water", reason="x"), "west-desk")) == "not_your_place", (
        "the city's"
    )
    assert refusal_code(result(state, Assign(department="north", reason="x"), "west-desk")) is None
    assert refusal_code(result(state, Assign(department="south", reason="x"), "sender")) is None


def test_desk_is_offered_the_units_of_its_place() -> None:
    state = opened_case(build_report(class_code="E0602"), policy=POLICY)

    def offered(post: str) -> list[str]:
        caller = Principal(key_id="anne", name="anne", city="*", scopes=frozenset({"role:operator"}), post=post)
        permissions = {each.kind: each for each in PermissionQuery(state, POLICY, caller, at_minute(5)).permissions()}
        assign: Permission = permissions["assign"]
        schema = build_form(assign, state, POLICY)["properties"]["action"]["properties"]["department"]
        return [each["const"] for each in schema["oneOf"]]

    assert offered("west-desk") == ["north"]
    assert offered("sender") == ["north", "south", "roads", "night", "water"], "no unit that acts through its bureau"


@pytest.mark.parametrize(
    ("member", "refused"),
    [("north", True), ("north-squad", True), ("north-street", True), ("far-squad", False), ("water", False)],
)
def test_units_above_and_below_the_one_that_worked_may_not_inspect(member: str, refused: bool) -> None:
    state = case_after(case_after(opened_case(policy=POLICY), Accept(), policy=POLICY), Finish(), policy=POLICY)

    decided = decide_action(state, Inspect(passed=True), ActionContext(minutes=9, member=member), policy=POLICY)

    assert refusal_code(decided) == ("doer_may_not_inspect" if refused else None)


def test_member_of_the_bureau_above_the_one_that_worked_may_not_inspect() -> None:
    below = [each | ({"parent": "north"} if each["id"] == "south" else {}) for each in pack_document()["departments"]]
    policy = policy_with_units(departments=below)
    state = opened_case(build_report(place={"district": "2"}), policy=policy)
    done = case_after(state, Finish(), minutes=3, policy=policy)
    assert done.department == "south"

    decided = decide_action(done, Inspect(passed=True), ActionContext(minutes=9, member="north"), policy=policy)

    assert refusal_code(decided) == "doer_may_not_inspect"


def test_person_who_acted_for_a_department_may_not_inspect_and_another_may() -> None:
    state = opened_case(policy=POLICY)
    accepted = decide_action(state, Accept(), ActionContext(person=PERSON), policy=POLICY)
    assert isinstance(accepted, Progressed)
    done = case_after(accepted.after, Finish(), policy=POLICY)
    assert done.workers == (PERSON,)

    same = ActionContext(minutes=9, actor="inspector:ivy", person=PERSON)
    other = ActionContext(minutes=9, actor="inspector:ivy", person=PERSON.replace("1", "2"))

    assert refusal_code(decide_action(done, Inspect(passed=True), same, policy=POLICY)) == "doer_may_not_inspect"
    assert refusal_code(decide_action(done, Inspect(passed=True), other, policy=POLICY)) is None


def test_person_to_whom_it_was_handed_on_may_not_inspect_though_a_system_answered() -> None:
    state = case_after(opened_case(policy=POLICY), HandOn(unit="north-squad", person=PERSON), policy=POLICY)
    state = case_after(state, Finish(), minutes=3, actor="department:north-squad", policy=POLICY)
    done = case_after(state, Confirm(confirmed=True), minutes=4, policy=POLICY)

    same = ActionContext(minutes=9, actor="inspector:ivy", person=PERSON)

    assert refusal_code(decide_action(done, Inspect(passed=True), same, policy=POLICY)) == "doer_may_not_inspect"


@pytest.mark.parametrize(("status", "name"), ALLOWED)
def test_person_and_post_stand_on_each_step_that_the_person_takes(status: str, name: str) -> None:
    state = case_in_status(status)
    decided = decide_action(state, ACTIONS[name], ActionContext(minutes=5, person=PERSON, post="somebody"))

    assert isinstance(decided, Progressed)
    actor = decided.events[0].actor
    assert actor is not None
    assert (actor.person, actor.post) == (PERSON, "somebody")


@pytest.mark.parametrize("kind", sorted(ACTIONS))
@pytest.mark.parametrize("scope", ["role:operator", "role:inspector", "role:caller", "department:north"])
def test_every_request_of_a_person_names_person_and_post(kind: str, scope: str) -> None:
    """HTTP by the line, in batches and from the cockpit alike: all of them ask here who acts."""
    caller = Principal(key_id="cockpit", name="x", city="*", scopes=frozenset({scope}), person=PERSON, post="somebody")

    actor = actor_of(caller, ACTIONS[kind])

    assert (actor.person, actor.post) == (PERSON, "somebody")


def test_every_duty_grants_a_scope() -> None:
    for post in POLICY.city.posts.values():
        assert scopes_of(post)
    assert {"street_chief", "road_chief", "lane_chief", "building_chief", "shop_chief"} <= DUTIES.keys()
