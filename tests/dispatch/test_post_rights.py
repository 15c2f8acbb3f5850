"""Rights by post: duties as the city divides them, a desk's own places, and who did the work may not inspect it."""

from typing import get_args

import pytest

from paidan_chassis.edge.api_keys import Principal
from paidan_contracts.actions import KNOWN_ACTION_KINDS, Action, Assign, Inspect, Redispatch, Verify
from paidan_contracts.city.posts import DUTIES, DutyAction, scopes_of
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.record_actions import Correct
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_dispatch.actions.forms import build_form
from paidan_dispatch.actions.permissions import Permission, PermissionQuery
from paidan_dispatch.actions.requests import actor_of
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.policy import CityPolicy
from tests.dispatch.action_table import ACTIONS, ALLOWED, case_in_status
from tests.dispatch.builders import ActionContext, at_minute, build_report, case_after, decide_action, opened_case
from tests.dispatch.sample_pack import LADDER, pack_document
from tests.dispatch.units import policy_with_units

PERSON = "10000000-0000-4000-8000-000000000001"


def _post(id_: str, duty: str, **more: object) -> dict[str, object]:
    return {"id": id_, "names": {"zh": f"{id_}岗", "en": f"Post {id_}"}, "duty": duty, **more}


POSTS = [
    _post("taker", "acceptor"),
    _post("sender", "dispatcher"),
    _post("west-desk", "desk", places=["1"]),
    _post("looker", "inspector"),
    _post("helper", "volunteer"),
    _post("squad-looker", "inspector", department="north-squad"),
]
POLICY = policy_with_units(
    posts=POSTS,
    duties=[
        {"duty": "acceptor", "actions": ["verify", "file"]},
        {"duty": "dispatcher", "actions": ["assign", "redispatch"]},
    ],
)


def result(
    state: CaseState, action: Action, post: str, *, actor: str = "operator:olga", policy: CityPolicy = POLICY
) -> Progressed | Refused:
    return decide_action(state, action, ActionContext(actor=actor, post=post, person=PERSON), policy=policy)


def code(decided: Progressed | Refused) -> str | None:
    return decided.refusal.code if isinstance(decided, Refused) else None


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
    assert code(result(state, Assign(department="water", reason="x"), "sender")) is None


def test_duty_that_the_pack_does_not_name_keeps_what_its_scope_allows_and_keys_as_before() -> None:
    state = opened_case(build_report(source="app"), policy=POLICY)

    assert code(result(state, Verify(verified=True), "sender")) == "not_your_duty"
    assert code(result(state, Verify(verified=True), "taker")) is None
    assert code(result(state, Verify(verified=True), "looker", actor="inspector:ivy")) is None
    assert code(result(state, Verify(verified=True), "no-such-post")) is None
    key = ActionContext(actor="operator:olga")
    assert code(decide_action(state, Verify(verified=True), key, policy=POLICY)) is None


def test_volunteer_verifies_and_does_not_inspect() -> None:
    received = opened_case(build_report(source="app"), policy=POLICY)
    done = case_after(case_after(opened_case(policy=POLICY), Accept(), policy=POLICY), Finish(), policy=POLICY)

    assert code(result(received, Verify(verified=True), "helper", actor="inspector:ivy")) is None
    assert code(result(done, Inspect(passed=True), "helper", actor="inspector:ivy")) == "not_your_duty"


def test_desk_dispatches_to_units_of_its_place_alone() -> None:
    state = opened_case(build_report(class_code="E0602"), policy=POLICY)

    refused = result(state, Redispatch(department="south", reason="x"), "west-desk")
    beyond = result(state, Assign(department="south", reason="x"), "west-desk")

    assert {code(refused), code(beyond)} <= {"not_allowed_in_state", "not_your_place"}
    assert isinstance(beyond, Refused)
    assert beyond.refusal.message.startswith("Post west-desk dispatches to units of 1, and south (south) is none.")
    assert code(result(state, Assign(department="water", reason="x"), "west-desk")) == "not_your_place", "the city's"
    assert code(result(state, Assign(department="north", reason="x"), "west-desk")) is None
    assert code(result(state, Assign(department="south", reason="x"), "sender")) is None


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

    assert code(decided) == ("doer_may_not_inspect" if refused else None)


def test_member_of_the_bureau_above_the_one_that_worked_may_not_inspect() -> None:
    below = [each | ({"parent": "north"} if each["id"] == "south" else {}) for each in pack_document()["departments"]]
    policy = policy_with_units(departments=below)
    state = opened_case(build_report(place={"district": "2"}), policy=policy)
    done = case_after(state, Finish(), minutes=3, policy=policy)
    assert done.department == "south"

    decided = decide_action(done, Inspect(passed=True), ActionContext(minutes=9, member="north"), policy=policy)

    assert code(decided) == "doer_may_not_inspect"


def test_person_who_acted_for_a_department_may_not_inspect_and_another_may() -> None:
    state = opened_case(policy=POLICY)
    accepted = decide_action(state, Accept(), ActionContext(person=PERSON), policy=POLICY)
    assert isinstance(accepted, Progressed)
    done = case_after(accepted.after, Finish(), policy=POLICY)
    assert done.workers == (PERSON,)

    same = ActionContext(minutes=9, actor="inspector:ivy", person=PERSON)
    other = ActionContext(minutes=9, actor="inspector:ivy", person=PERSON.replace("1", "2"))

    assert code(decide_action(done, Inspect(passed=True), same, policy=POLICY)) == "doer_may_not_inspect"
    assert code(decide_action(done, Inspect(passed=True), other, policy=POLICY)) is None


def test_person_to_whom_it_was_handed_on_may_not_inspect_though_a_system_answered() -> None:
    state = case_after(opened_case(policy=POLICY), HandOn(unit="north-squad", person=PERSON), policy=POLICY)
    state = case_after(state, Finish(), minutes=3, actor="department:north-squad", policy=POLICY)
    done = case_after(state, Confirm(confirmed=True), minutes=4, policy=POLICY)

    same = ActionContext(minutes=9, actor="inspector:ivy", person=PERSON)

    assert code(decide_action(done, Inspect(passed=True), same, policy=POLICY)) == "doer_may_not_inspect"


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


RECORDS = policy_with_units(
    posts=[*POSTS, _post("watcher", "supervisor"), _post("filer", "duty_chief")],
    duties=[
        {"duty": "acceptor", "actions": ["verify", "correct"]},
        {"duty": "duty_chief", "actions": ["file", "correct"]},
        {"duty": "dispatcher", "actions": ["redispatch", "correct"]},
        {"duty": "supervisor", "actions": ["escalate", "urge"]},
    ],
    escalation=LADDER,
)


@pytest.mark.parametrize(
    ("post", "action", "field"),
    [
        ("taker", Correct(text="x", reason="x"), None),
        ("taker", Correct(row_id="E0111-1", reason="x"), "action.row_id"),
        ("taker", Correct(class_code="E0111", reason="x"), "action.class_code"),
        ("taker", Correct(department="water", reason="x"), "action.department"),
        ("filer", Correct(row_id="E0111-1", reason="x"), None),
        ("filer", Correct(department="water", reason="x"), "action.department"),
        ("sender", Correct(department="water", reason="x"), None),
    ],
)
def test_correction_of_what_another_action_decides_needs_the_duty_of_that_action(
    post: str, action: Correct, field: str | None
) -> None:
    decided = result(opened_case(policy=RECORDS), action, post, policy=RECORDS)

    assert code(decided) == ("not_your_duty" if field else None)
    assert field == (decided.refusal.field if isinstance(decided, Refused) else None)


@pytest.mark.parametrize(
    ("post", "missing"), [("taker", {"class_code", "row_id", "department"}), ("filer", {"department"})]
)
def test_form_of_a_correction_has_the_fields_of_the_posts_duty(post: str, missing: set[str]) -> None:
    state = opened_case(policy=RECORDS)
    caller = Principal(key_id="anne", name="anne", city="*", scopes=frozenset({"role:operator"}), post=post)
    [permission] = PermissionQuery(state, RECORDS, caller, at_minute(5)).permissions(["correct"])

    fields = build_form(permission, state, RECORDS)["properties"]["action"]["properties"]

    assert permission.refusal is None
    assert {"class_code", "row_id", "department"} - fields.keys() == missing


def test_supervisor_escalates_where_the_pack_makes_it_its_duty() -> None:
    scopes = scopes_of(RECORDS.city.posts["watcher"])
    caller = Principal(key_id="anne", name="anne", city="*", scopes=scopes, person=PERSON, post="watcher")
    actor = actor_of(caller, Escalate(reason="x"))
    state, context = opened_case(policy=RECORDS), ActionContext(actor="operator:anne", post=actor.post, person=PERSON)

    assert (actor.kind, actor.post) == ("operator", "watcher")
    assert code(decide_action(state, Escalate(reason="x"), context, policy=RECORDS)) is None
    ending = EndEscalation(reason="x")
    assert code(decide_action(state, ending, context, policy=RECORDS)) == "not_your_duty"
    offered = PermissionQuery(state, RECORDS, caller, at_minute(5)).permissions()
    assert [each.kind for each in offered if each.refusal is None] == ["urge", "escalate"]


def test_supervisor_only_reads_where_the_pack_is_silent_and_so_does_a_monitors_key() -> None:
    silent = policy_with_units(posts=[_post("watcher", "supervisor")], escalation=LADDER)
    scopes = frozenset({"role:monitor"})

    for post in ("watcher", None):
        caller = Principal(key_id="anne", name="anne", city="*", scopes=scopes, post=post)
        offered = PermissionQuery(opened_case(policy=silent), silent, caller, at_minute(5)).permissions()
        assert [each.kind for each in offered if each.refusal is None] == []
