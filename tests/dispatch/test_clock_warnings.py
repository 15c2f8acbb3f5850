"""Warnings before a limit passes: once each, to whoever still has the work, where the pack asks for them."""

import pytest

from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.orders import OrderUrged
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Ignored, Progressed
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import Timer, running_timers
from tests.dispatch.builders import at_minute, build_report, case_after, expire, opened_case
from tests.dispatch.sample_pack import pack_document, policy_of


def policy_with_warnings(share: float = 0.8) -> CityPolicy:
    pack = pack_document()
    pack["clocks"]["warn_at"] = share
    return policy_of(pack)


def first_timer(state: CaseState) -> Timer:
    return min(running_timers(state), key=lambda each: each.due_at)


@pytest.mark.parametrize(
    ("report", "kind", "due", "department"),
    [
        (build_report(), "accept", 30, "north"),
        (build_report(source="app"), "verify", 15, None),
        (build_report(class_code=None), "dispatch", 15, None),
    ],
)
def test_warning_goes_out_once_before_a_limit_passes(
    report: ReportReceived, kind: str, due: float, department: str | None
) -> None:
    policy = policy_with_warnings()
    state = opened_case(report, policy=policy)
    warning = first_timer(state)
    assert (warning.kind, warning.due_at) == (f"{kind}_warning", at_minute(due * 0.8))

    step = expire(state, warning)

    assert isinstance(step, Progressed)
    body = step.events[0].model_dump()
    assert (body["type"], body["clock"], body["due_at"]) == ("case.clock_warned.v1", kind, at_minute(due))
    assert body["department"] == department
    assert step.after.status == state.status
    assert warning not in running_timers(step.after)
    assert isinstance(expire(step.after, warning), Ignored)
    following = first_timer(step.after)
    assert (following.kind, following.due_at) == (kind, at_minute(due))
    told = [each for each in orders.order_events(state, step.events, policy) if isinstance(each, OrderUrged)]
    assert [each.order.department for each in told] == ([department] if department else [])
    assert all(policy.local_time(at_minute(due)) in each.reason for each in told)


@pytest.mark.parametrize(("kind", "due"), [("accept", 30), ("handle", 360)])
def test_helper_is_warned_of_its_own_limits(kind: str, due: float) -> None:
    document = pack_document()
    document["clocks"]["warn_at"] = 0.5
    document["routing"].insert(0, {"id": "both", "classes": ["E01*"], "lead": "roads", "helpers": ["water"]})
    policy = policy_of(document)
    state = opened_case(policy=policy)
    [warning] = [each for each in running_timers(state) if each.kind == f"helper_{kind}_warning"]

    step = expire(state, warning)

    assert isinstance(step, Progressed)
    [told] = [each for each in orders.order_events(state, step.events, policy) if isinstance(each, OrderUrged)]
    assert warning.due_at == at_minute(due / 2)
    assert (told.order.department, told.order.role) == ("water", "helper")
    assert warning not in running_timers(step.after)
    assert [str(each.kind) for each in running_timers(step.after)].count(f"helper_{kind}") == 1
    assert (step.events[0].model_dump()["department"], step.after.assignments) == ("water", state.assignments)


def test_warning_of_the_work_is_not_sent_to_whoever_finished_it() -> None:
    policy = policy_with_warnings(0.5)
    state = case_after(opened_case(policy=policy), Accept(), minutes=5, policy=policy)
    [warning] = [each for each in running_timers(state) if each.kind == "handle_warning"]

    done = case_after(state, Finish(), minutes=100, policy=policy)

    assert warning.due_at == at_minute(180)
    assert isinstance(expire(done, warning), Ignored)
    assert not [each for each in running_timers(opened_case()) if each.kind.endswith("_warning")], "no pack, no warning"
