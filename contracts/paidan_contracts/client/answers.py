"""The id and the body of a department's answer: the same for a repeat after a crash, over Kafka and over HTTP."""

from datetime import datetime

from paidan_contracts import ids
from paidan_contracts.actions import Action, Answer
from paidan_contracts.orders import Order


def answer_id(order: Order, action: Action, attempt: int = 1) -> str:
    """Return the department's own id of an answer, by order, round and kind; a further attempt has another one.

    A repeat after a crash is the same answer by it, though the order may have changed meanwhile; rework is a new round.
    """
    suffix = f":{attempt}" if attempt > 1 else ""
    return f"{order.order_id}:{order.round}:{action.kind}{suffix}"


def build_answer(order: Order, action: Action, *, attempt: int = 1, occurred_at: datetime | None = None) -> Answer:
    """Return the answer to an order."""
    return Answer(case_id=order.case_id, id=answer_id(order, action, attempt), occurred_at=occurred_at, action=action)


def action_id_of(department: str, answer: Answer) -> str:
    """Return the id under which the answer's outcome can be read, whichever way it was sent."""
    return ids.action_id(f"department:{department}", answer.id or "")
