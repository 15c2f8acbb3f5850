"""What a department gets to read: enough to act, every change that matters to it, and no word about who reported."""

import json

import pytest

from paidan_contracts.actions import (
    Accept,
    Action,
    CallBack,
    File,
    Finish,
    Inspect,
    Redispatch,
    Return,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.orders import OrderEvent
from paidan_contracts.outcomes import Why
from paidan_contracts.reports import Past
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Moved, Opened
from tests.dispatch.builders import (
    How,
    at,
    closed,
    finished,
    judged,
    moved,
    opened,
    past_report,
    report,
    request,
    taken,
)
from tests.dispatch.sample_pack import bylaws

WHY = Why(code="not_your_order", message="no", message_zh="不")


def told(step: object) -> list[OrderEvent]:
    assert isinstance(step, Opened | Moved)
    return orders.messages(step.before if isinstance(step, Moved) else None, step.events, bylaws())


def short(messages: list[OrderEvent]) -> list[tuple[str, str, str | None]]:
    return [
        (each.order.department, said["type"].removeprefix("order.").removesuffix(".v1"), said.get("because"))
        for each in messages
        for said in [each.model_dump()]
    ]


def test_an_order_says_what_to_do_where_and_by_when() -> None:
    (step,) = taken(report(row_id="E0110-2", text="a heap", reporter=report().report_id))

    (issued,) = told(step)

    order = issued.order
    assert (order.department, order.rule, order.row_id, order.text) == ("roads", "big-heaps", "E0110-2", "a heap")
    assert (order.closing_condition, order.closing_condition_zh) == ("closing", "closing")
    assert (order.dispatched_at, order.accept_by, order.due_at) == (at(0), at(30), at(24 * 60))
    assert (order.version, issued.recorded_at) == (2, at(0))
    assert report().report_id not in json.dumps(order.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("state", "action", "messages"),
    [
        pytest.param(opened(), Accept(), [], id="accept"),
        pytest.param(
            opened(),
            Redispatch(department="south", reason="x"),
            [("north", "withdrawn", "redispatched"), ("south", "issued", None)],
            id="redispatch",
        ),
        pytest.param(
            opened(),
            Return(code="other", reason="x"),
            [("north", "withdrawn", "returned"), ("roads", "issued", None)],
            id="return",
        ),
        pytest.param(
            opened(report(class_code="E0601")),
            Return(code="other", reason="x"),
            [("roads", "withdrawn", "returned")],
            id="return to the desk",
        ),
        pytest.param(opened(), Void(reason="x"), [("north", "withdrawn", "voided")], id="void"),
        pytest.param(opened(report(class_code=None)), Void(reason="x"), [], id="void at the desk"),
        pytest.param(opened(), File(row_id="E0111-1"), [("north", "changed", "refiled")], id="file anew"),
        pytest.param(opened(report(class_code=None)), File(row_id="E0110-1"), [("north", "issued", None)], id="file"),
        pytest.param(opened(report(source="app")), Verify(verified=True), [("north", "issued", None)], id="verify"),
        pytest.param(opened(report(source="app")), Verify(verified=False, reason="x"), [], id="not accepted"),
        pytest.param(moved(opened(), Accept()), Urge(), [("north", "urged", None)], id="urge"),
        pytest.param(moved(opened(), Accept()), Finish(), [], id="finish"),
        pytest.param(finished(), Inspect(passed=False, reason="x"), [("north", "changed", "rework")], id="rework"),
        pytest.param(finished(), Inspect(passed=True), [("north", "withdrawn", "closed")], id="close"),
        pytest.param(closed(), CallBack(rating="satisfied"), [], id="call back"),
        pytest.param(closed(), CallBack(rating="dissatisfied"), [("north", "changed", "reopened")], id="reopen"),
    ],
)
def test_who_is_told_what(state: CaseState, action: Action, messages: list[tuple[str, str, str | None]]) -> None:
    step = judged(state, action, How(minutes=30))

    assert short(told(step)) == messages


def test_more_reports_of_the_same_thing_are_told_while_the_order_is_out() -> None:
    _, joined = taken(report("1"), report("2"))
    _, waiting = taken(report("1", source="app"), report("2", source="app"))
    _, verified = taken(report("1", source="app"), report("2"))

    assert short(told(joined)) == [("north", "changed", "merged")]
    assert short(told(waiting)) == []
    assert short(told(verified)) == [("north", "issued", None)]


def test_a_withdrawn_order_is_the_old_departments_own() -> None:
    state = opened()

    withdrawn, issued = told(judged(state, Redispatch(department="south", reason="x")))

    assert withdrawn.order.order_id == state.assignments[0].order_id
    assert withdrawn.order.order_id != issued.order.order_id
    assert withdrawn.order.version == issued.order.version == state.version + 1


def test_versions_rise_with_every_message_of_an_order() -> None:
    """A department keeps the highest; two of the same would leave it to chance."""
    state = closed()
    step = judged(state, CallBack(rating="dissatisfied"), How(minutes=30))

    (changed,) = told(step)

    assert changed.order.version == state.version + 2


def test_an_imported_past_tells_nobody() -> None:
    (step,) = taken(past_report(past=Past(owner="water")))

    assert told(step) == []


def test_a_refused_answer_is_told_under_the_departments_own_id() -> None:
    refused = orders.refused(request(opened(), Accept(), How(door="kafka")), WHY)

    assert refused is not None
    assert (refused.your_id, refused.case_id, refused.why) == ("ours", opened().case_id, WHY)


@pytest.mark.parametrize("how", [How(door="http"), How(door="kafka", actor="importer:records")])
def test_who_does_not_read_orders_is_not_told_there(how: How) -> None:
    assert orders.refused(request(opened(), Accept(), how), WHY) is None
