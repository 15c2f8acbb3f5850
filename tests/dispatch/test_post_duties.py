"""What a post's duty adds and takes away beyond its scope: fields of a correction, a supervisor's actions."""

import pytest

from paidan_chassis.edge.api_keys import Principal
from paidan_contracts.city.posts import scopes_of
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.record_actions import Correct
from paidan_dispatch.actions.forms import build_form
from paidan_dispatch.actions.permissions import PermissionQuery
from paidan_dispatch.actions.requests import actor_of
from paidan_dispatch.cases.decide import Refused
from tests.dispatch.builders import ActionContext, at_minute, decide_action, opened_case
from tests.dispatch.posts import PERSON, POSTS, build_post, decide_by_post, refusal_code
from tests.dispatch.sample_pack import LADDER
from tests.dispatch.units import policy_with_units

RECORDS = policy_with_units(
    posts=[*POSTS, build_post("watcher", "supervisor"), build_post("filer", "duty_chief")],
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
    decided = decide_by_post(opened_case(policy=RECORDS), action, post, policy=RECORDS)

    assert refusal_code(decided) == ("not_your_duty" if field else None)
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
    assert refusal_code(decide_action(state, Escalate(reason="x"), context, policy=RECORDS)) is None
    ending = EndEscalation(reason="x")
    assert refusal_code(decide_action(state, ending, context, policy=RECORDS)) == "not_your_duty"
    offered = PermissionQuery(state, RECORDS, caller, at_minute(5)).permissions()
    assert [each.kind for each in offered if each.refusal is None] == ["urge", "escalate"]


def test_supervisor_only_reads_where_the_pack_is_silent_and_so_does_a_monitors_key() -> None:
    silent = policy_with_units(posts=[build_post("watcher", "supervisor")], escalation=LADDER)
    scopes = frozenset({"role:monitor"})

    for post in ("watcher", None):
        caller = Principal(key_id="anne", name="anne", city="*", scopes=scopes, post=post)
        offered = PermissionQuery(opened_case(policy=silent), silent, caller, at_minute(5)).permissions()
        assert [each.kind for each in offered if each.refusal is None] == []
