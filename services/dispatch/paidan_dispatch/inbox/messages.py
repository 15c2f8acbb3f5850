"""Dispatch's events as Kafka messages: topic, key, CloudEvents headers, body; the same bytes for the same decision."""

from functools import cache
from typing import Final

from paidan_chassis.kafka.cloudevents import encode_body, encode_headers, source_of
from paidan_chassis.kafka.message import Message
from paidan_contracts import ids
from paidan_contracts.actions import ActionRequested
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.emergencies import (
    EmergencyDeclared,
    EmergencyDue,
    EmergencyEnded,
    EmergencyInForce,
    EmergencyOver,
    EmergencyPortion,
    EmergencyRecord,
)
from paidan_contracts.inbox import TimerDue
from paidan_contracts.orders import AnswerRefused, OrderEvent, StandingOrderEnded, StandingOrderIssued
from paidan_contracts.outcomes import OutcomeDecided, ReportReplied
from paidan_contracts.patrol_tasks import TaskEvent
from paidan_contracts.topics import CASES, EMERGENCIES, INBOX, ORDERS_PREFIX, OUTCOMES, TASKS
from paidan_contracts.wire import WireModel

SOURCE: Final = source_of("dispatch")


def case_message(event: CaseEvent, body: bytes) -> Message:
    """Return the message of a case event; ``body`` is the event as history stores it."""
    id_, case_id = ids.event_id(event.case_id, event.version), event.case_id
    headers = encode_headers(id_, SOURCE, _event_type(type(event)), event.recorded_at, case_id, case_id)
    return Message(CASES.name, case_id, body, headers)


def order_message(event: OrderEvent) -> Message:
    """Return the message of an order event, for the order's department."""
    order, type_ = event.order, _event_type(type(event))
    id_ = f"{order.order_id}/{order.version}/{type_}"
    headers = encode_headers(id_, SOURCE, type_, event.recorded_at, order.case_id, order.case_id)
    return Message(ORDERS_PREFIX + order.department, order.case_id, encode_body(event), headers)


def task_message(event: TaskEvent) -> Message:
    """Return the message of a task event, for patrols."""
    task, type_ = event.task, _event_type(type(event))
    id_ = f"{task.task_id}/{task.version}/{type_}"
    headers = encode_headers(id_, SOURCE, type_, event.recorded_at, task.case_id, task.case_id)
    return Message(TASKS.name, task.case_id, encode_body(event), headers)


def outcome_message(outcome: OutcomeDecided) -> Message:
    """Return the message of an outcome."""
    headers = encode_headers(outcome.id, SOURCE, outcome.type, outcome.decided_at, outcome.id, outcome.id)
    return Message(OUTCOMES.name, outcome.id, encode_body(outcome), headers)


def reply_message(reply: ReportReplied) -> Message:
    """Return the message of a reply to a noted report, under the id of the action that replied."""
    headers = encode_headers(reply.action_id, SOURCE, reply.type, reply.replied_at, reply.report_id, reply.report_id)
    return Message(OUTCOMES.name, reply.report_id, encode_body(reply), headers)


def refusal_message(refused: AnswerRefused, department: str) -> Message:
    """Return the message that refuses a department's answer."""
    key = refused.case_id or department
    # By the answer's position: the refusal of a repeat is another message, that of the same record again is not.
    position = f"{refused.answer_partition}@{refused.answer_offset}"
    id_ = str(ids.cause_id("answer_refused", department, refused.action_id or "", position))
    headers = encode_headers(id_, SOURCE, refused.type, refused.recorded_at, key, key)
    return Message(ORDERS_PREFIX + department, key, encode_body(refused), headers)


def request_message(request: ActionRequested) -> Message:
    """Return the inbox message of a requested action, keyed by its case's area."""
    headers = encode_headers(
        request.action_id, SOURCE, request.type, request.recorded_at, request.case_id, request.area
    )
    return Message(INBOX.name, request.area, encode_body(request), headers)


def timer_message(timer: TimerDue) -> Message:
    """Return the inbox message of a due timer, keyed by its case's area."""
    headers = encode_headers(timer.timer_id, SOURCE, timer.type, timer.due_at, timer.case_id, timer.area)
    return Message(INBOX.name, timer.area, encode_body(timer), headers)


def emergency_message(record: EmergencyRecord) -> Message:
    """Return the inbox message by which an area follows a declaration, its end, or a portion of its cases."""
    match record:
        case EmergencyInForce(declaration=declaration):
            declaration_id, at = declaration.declaration_id, declaration.declared_at
        case EmergencyOver(declaration_id=declaration_id, ended_at=at):
            pass
        case EmergencyDue(declaration_id=declaration_id, due_at=at):
            pass
        case EmergencyPortion(declaration_id=declaration_id, recorded_at=at):
            pass
    part = (record.step, record.number) if isinstance(record, EmergencyPortion) else ("", 0)
    id_ = str(ids.cause_id(record.type, declaration_id, record.area, *part))
    headers = encode_headers(id_, SOURCE, record.type, at, declaration_id, record.area)
    return Message(INBOX.name, record.area, encode_body(record), headers)


def announcement(event: EmergencyDeclared | EmergencyEnded) -> Message:
    """Return the message by which everybody hears that something was declared, or is over."""
    if isinstance(event, EmergencyDeclared):
        declared = event.declaration
        declaration_id, city, at = declared.declaration_id, declared.city, declared.declared_at
    else:
        declaration_id, city, at = event.declaration_id, event.city, event.ended_at
    id_ = str(ids.cause_id(event.type, declaration_id))
    return Message(
        EMERGENCIES.name, city, encode_body(event), encode_headers(id_, SOURCE, event.type, at, declaration_id, city)
    )


def standing_order_message(order: StandingOrderIssued | StandingOrderEnded, city: str) -> Message:
    """Return the message of a standing order, or of its end, for its department."""
    at = order.recorded_at if isinstance(order, StandingOrderIssued) else order.ended_at
    headers = encode_headers(f"{order.order_id}/{order.type}", SOURCE, order.type, at, order.order_id, city)
    return Message(ORDERS_PREFIX + order.department, city, encode_body(order), headers)


@cache
def _event_type(model: type[WireModel]) -> str:
    event_type: str = model.model_fields["type"].default
    return event_type
