"""Order events: enough for a department to act, every change that matters to it, and nothing about the reporter."""

import json

import pytest

from paidan_contracts.actions import Action, CallBack, File, Inspect, Redispatch, Urge, Verify, Void
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.orders import OrderEvent
from paidan_contracts.outcomes import Refusal
from paidan_contracts.reports import ImportedHistory
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.reports import Opened
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    build_request,
    case_after,
    closed,
    decide_action,
    finished,
    imported_report,
    opened_case,
    receive_reports,
)
from tests.dispatch.sample_pack import default_policy

WHY = Refusal(code="not_your_order", message="no", message_zh="不")


def order_messages(step: object) -> list[OrderEvent]:
    assert isinstance(step, Opened | Progressed)
    return orders.order_events(step.before if isinstance(step, Progressed) else None, step.events, default_policy())


def summarize_messages(messages: list[OrderEvent]) -> list[tuple[str, str, str | None]]:
    return [
        (each.order.department, body["type"].removeprefix("order.").removesuffix(".v1"), body.get("because"))
        for each in messages
        for body in [each.model_dump()]
    ]


def test_what_the_dispatcher_wrote_reaches_the_department_and_no_later_one() -> None:
    step = decide_action(opened_case(), Redispatch(department="south", reason="their side of the bridge"))

    issued = order_messages(step)[-1]
    assert (issued.order.department, issued.order.reason) == ("south", "their side of the bridge")
    assert isinstance(step, Progressed)
    later = order_messages(decide_action(step.after, Return(code="other", reason="not ours")))
    assert [(each.order.department, each.order.reason) for each in later] == [
        ("south", "their side of the bridge"),
        ("north", ""),
    ], "a rule writes nothing"


def test_an_order_contains_what_to_do_where_and_by_when() -> None:
    (step,) = receive_reports(build_report(row_id="E0110-2", text="a heap", reporter=build_report().report_id))

    (issued,) = order_messages(step)

    order = issued.order
    assert (order.department, order.rule, order.row_id, order.text) == ("roads", "big-heaps", "E0110-2", "a heap")
    assert (order.closing_condition, order.closing_condition_zh) == ("closing", "closing")
    assert (order.dispatched_at, order.accept_by, order.due_at) == (at_minute(0), at_minute(30), at_minute(24 * 60))
    assert (order.version, issued.recorded_at) == (1, at_minute(0))
    assert build_report().report_id not in json.dumps(order.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("state", "action", "messages"),
    [
        pytest.param(opened_case(), Accept(), [], id="accept"),
        pytest.param(
            opened_case(),
            Redispatch(department="south", reason="x"),
            [("north", "withdrawn", "redispatched"), ("south", "issued", None)],
            id="redispatch",
        ),
        pytest.param(
            opened_case(),
            Return(code="other", reason="x"),
            [("north", "withdrawn", "returned"), ("roads", "issued", None)],
            id="return",
        ),
        pytest.param(
            opened_case(build_report(class_code="E0601")),
            Return(code="other", reason="x"),
            [("roads", "withdrawn", "returned")],
            id="return, then held",
        ),
        pytest.param(opened_case(), Void(reason="x"), [("north", "withdrawn", "voided")], id="void"),
        pytest.param(opened_case(build_report(class_code=None)), Void(reason="x"), [], id="void of a held case"),
        pytest.param(opened_case(), File(row_id="E0111-1"), [("north", "changed", "refiled")], id="file anew"),
        pytest.param(
            opened_case(build_report(class_code=None)), File(row_id="E0110-1"), [("north", "issued", None)], id="file"
        ),
        pytest.param(
            opened_case(build_report(source="app")), Verify(verified=True), [("north", "issued", None)], id="verify"
        ),
        pytest.param(
            opened_case(build_report(source="app")), Verify(verified=False, reason="x"), [], id="not accepted"
        ),
        pytest.param(case_after(opened_case(), Accept()), Urge(), [("north", "urged", None)], id="urge"),
        pytest.param(case_after(opened_case(), Accept()), Finish(), [], id="finish"),
        pytest.param(finished(), Inspect(passed=False, reason="x"), [("north", "changed", "rework")], id="rework"),
        pytest.param(finished(), Inspect(passed=True), [("north", "withdrawn", "closed")], id="close"),
        pytest.param(closed(), CallBack(rating="satisfied"), [], id="call back"),
        pytest.param(closed(), CallBack(rating="dissatisfied"), [("north", "changed", "reopened")], id="reopen"),
    ],
)
def test_recipients_of_order_messages(
    state: CaseState, action: Action, messages: list[tuple[str, str, str | None]]
) -> None:
    step = decide_action(state, action, ActionContext(minutes=30))

    assert summarize_messages(order_messages(step)) == messages


def test_merged_reports_update_an_open_order() -> None:
    _, joined = receive_reports(build_report("1"), build_report("2"))
    _, waiting = receive_reports(build_report("1", source="app"), build_report("2", source="app"))
    _, verified = receive_reports(build_report("1", source="app"), build_report("2"))

    assert summarize_messages(order_messages(joined)) == [("north", "changed", "merged")]
    assert summarize_messages(order_messages(waiting)) == []
    assert summarize_messages(order_messages(verified)) == [("north", "issued", None)]


def test_a_withdrawn_order_is_the_old_departments_own() -> None:
    state = opened_case()

    withdrawn, issued = order_messages(decide_action(state, Redispatch(department="south", reason="x")))

    assert withdrawn.order.order_id == state.assignments[0].order_id
    assert withdrawn.order.order_id != issued.order.order_id
    assert withdrawn.order.version == issued.order.version == state.version + 1


def test_versions_rise_with_every_message_of_an_order() -> None:
    """A department keeps the highest; with two equal ones it could keep either."""
    state = closed()
    step = decide_action(state, CallBack(rating="dissatisfied"), ActionContext(minutes=30))

    (changed,) = order_messages(step)

    assert changed.order.version == state.version + 2


def test_imported_case_sends_no_orders() -> None:
    (step,) = receive_reports(imported_report(past=ImportedHistory(owner="water")))

    assert order_messages(step) == []


def test_a_refused_answer_has_the_departments_own_id() -> None:
    refused = orders.answer_refused(build_request(opened_case(), Accept(), ActionContext(door="kafka")), WHY)

    assert refused is not None
    assert (refused.your_id, refused.case_id, refused.why) == ("ours", opened_case().case_id, WHY)


@pytest.mark.parametrize("how", [ActionContext(door="http"), ActionContext(door="kafka", actor="importer:records")])
def test_department_without_an_orders_topic_gets_none(how: ActionContext) -> None:
    assert orders.answer_refused(build_request(opened_case(), Accept(), how), WHY) is None
