"""Worked examples of appeals against being overdue, and of who may decide on requests."""

from paidan_contracts import ids
from paidan_contracts.actions import ActionRequested, CallBack, Inspect
from paidan_contracts.department_actions import Finish
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import (
    Appeal,
)
from paidan_dispatch.cases.decide import Progressed, Refused, decide
from paidan_dispatch.cases.limit_requests import time_limits_of
from paidan_dispatch.inbox.case_rows import pending_request
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_request,
    case_after,
)
from tests.dispatch.limit_cases import DISPATCHER, HOUR, NO, OTHER, YES, closed_late, in_work, refused
from tests.dispatch.sample_pack import pack_document, policy_of


def test_appeal_is_granted_by_two_reviewers_and_the_overdue_fact_stays() -> None:
    state = case_after(closed_late(), Appeal(reason="the road was closed"), minutes=9 * HOUR)
    state = case_after(state, YES, minutes=10 * HOUR, actor=DISPATCHER)
    assert not time_limits_of(state).exempt
    assert refused(state, YES, minutes=11 * HOUR, actor=DISPATCHER) == ("not_your_role", "actor"), "two reviewers"

    granted = case_after(state, YES, minutes=11 * HOUR, actor=OTHER)

    assert time_limits_of(granted).exempt
    assert granted.assignments[-1].overdue_at == at_minute(6 * HOUR)
    assert granted.assignments[-1].limits[-1].late is True
    assert refused(granted, Appeal(reason="x"), minutes=12 * HOUR) == ("not_allowed_in_state", "action.kind")


def test_appeal_needs_a_case_that_was_overdue_and_comes_in_time() -> None:
    in_time = case_after(case_after(in_work(), Finish(), minutes=10), Inspect(passed=True), minutes=20)
    assert refused(in_time, Appeal(reason="x"), minutes=30) == ("not_allowed_in_state", "action.kind")
    assert refused(closed_late(), Appeal(reason="x"), minutes=20 * 24 * HOUR) == ("not_allowed_in_state", "action.kind")
    assert refused(closed_late(), Appeal(), minutes=9 * HOUR) == ("reason_missing", "action.reason")


def test_case_is_queued_by_the_kind_of_its_request_until_it_is_decided() -> None:
    asked = case_after(closed_late(), Appeal(reason="x"), minutes=9 * HOUR)
    assert (pending_request(closed_late()), pending_request(asked)) == (None, "appeal")
    assert pending_request(case_after(asked, NO, minutes=10 * HOUR)) is None


def test_rejected_appeal_is_the_only_one_and_reopening_ends_one_that_waits() -> None:
    asked = case_after(closed_late(), Appeal(reason="x"), minutes=9 * HOUR)
    rejected = case_after(asked, NO, minutes=10 * HOUR)
    assert not time_limits_of(rejected).exempt
    assert refused(rejected, Appeal(reason="x"), minutes=11 * HOUR) == ("not_allowed_in_state", "action.kind")
    reopened = case_after(asked, CallBack(rating="dissatisfied"), minutes=10 * HOUR)
    assert time_limits_of(reopened).requests[-1].outcome == "lapsed"


def _by_person(state: CaseState, person: str, post: str | None, key: str = "cockpit") -> ActionRequested:
    request = build_request(state, YES, ActionContext(minutes=10, actor=f"operator:{key}"))
    actor = request.actor.model_copy(update={"person": ids.report_id("p", person), "post": post})
    return request.model_copy(update={"actor": actor})


def test_person_decides_by_the_post_and_not_twice() -> None:
    document = pack_document()
    names = {"zh": "岗", "en": "post"}
    document["posts"] = [
        {"id": "placer", "names": names, "duty": "dispatcher"},
        {"id": "taker", "names": names, "duty": "acceptor"},
    ]
    policy = policy_of(document)
    asked = case_after(closed_late(), Appeal(reason="x"), minutes=9 * HOUR)
    wrong_post = decide(asked, _by_person(asked, "ann", "taker"), policy)
    assert isinstance(wrong_post, Refused)
    first = decide(asked, _by_person(asked, "ann", "placer"), policy)
    assert isinstance(first, Progressed)
    same = decide(first.after, _by_person(first.after, "ann", "taker", key="other"), policy)
    assert isinstance(same, Refused)
    other = decide(first.after, _by_person(first.after, "bob", "taker"), policy)
    assert isinstance(other, Progressed)
    assert time_limits_of(other.after).exempt
