"""The desk's Kafka door: departments' answers, from their own topics into the inbox. It decides nothing."""

from typing import Any, Final, TypeAlias

import asyncpg

from paidan_chassis.clock import Clock
from paidan_chassis.consumer.batch import Batch, Record
from paidan_contracts import ids
from paidan_contracts.actions import Actor, Answer
from paidan_contracts.orders import AnswerRefused
from paidan_contracts.outcomes import Refusal
from paidan_contracts.topics import ANSWERS_PREFIX
from paidan_dispatch.actions.requests import RequestedAction, Requester, build_request
from paidan_dispatch.inbox import messages
from paidan_dispatch.inbox.decode import (
    ANSWER_ADAPTER,
    DecodeError,
    claimed_answer,
    decode,
)
from paidan_dispatch.inbox.refusals import UNKNOWN_DEPARTMENT

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

# Of any version: a department that was dropped yesterday still has orders to answer.
SELECT_DEPARTMENTS: Final = """
    SELECT DISTINCT department ->> 'id' AS id
      FROM cities.pack,
           jsonb_array_elements(convert_from(content, 'UTF8')::jsonb -> 'departments') AS department
"""


class AnswersHandler:
    """Passes answers on: who speaks is what the topic says, when is what the broker says."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._departments: frozenset[str] = frozenset()

    async def apply(self, batch: Batch) -> None:
        """Put every answer that can be read into its case's lane, and tell its department of every one that cannot."""
        await self._load_departments(batch)
        for record in batch.records:
            department = record.topic.removeprefix(ANSWERS_PREFIX)
            if department not in self._departments:
                # Nobody is told: whoever writes under a name of their own making gets no topic made for them.
                batch.dead_letter(record, UNKNOWN_DEPARTMENT.code, "no published city has such a department")
                continue
            match decode(ANSWER_ADAPTER, record):
                case Answer() as answer:
                    self._forward(batch, record, department, answer)
                case DecodeError() as error:
                    batch.dead_letter(record, error.reason, error.detail)
                    self._refuse(batch, record, department, error.refusal)

    def clear_cache(self) -> None:
        """Keep nothing that could be wrong: a published pack is never withdrawn."""

    async def _load_departments(self, batch: Batch) -> None:
        departments = {record.topic.removeprefix(ANSWERS_PREFIX) for record in batch.records}
        if not departments <= self._departments:
            rows = await batch.conn.fetch(SELECT_DEPARTMENTS)
            self._departments = frozenset(row["id"] for row in rows)

    def _forward(self, batch: Batch, record: Record, department: str, answer: Answer) -> None:
        sender = department_sender(department)
        requester = Requester(
            actor=Actor(kind="department", id=department),
            door="kafka",
            action_id=_action_id(sender, answer.id, record),
            sender_ref=answer.id,
            answer_position=(record.partition, record.offset),
        )
        requested_action = RequestedAction(case_id=answer.case_id, action=answer.action, occurred_at=answer.occurred_at)
        batch.emit(
            record,
            messages.request_message(
                build_request(requested_action, requester, self._clock.city_time(record.appended_at))
            ),
        )

    def _refuse(self, batch: Batch, record: Record, department: str, refusal: Refusal) -> None:
        sender_ref, case_id = claimed_answer(record)
        refused = AnswerRefused(
            action_id=_action_id(department_sender(department), sender_ref, record),
            your_id=sender_ref,
            case_id=case_id,
            answer_partition=record.partition,
            answer_offset=record.offset,
            why=refusal,
            recorded_at=self._clock.city_time(record.appended_at),
        )
        batch.emit(record, messages.refusal_message(refused, department))


def department_sender(department: str) -> str:
    """Name a department as the sender of actions, the same at both doors."""
    return f"department:{department}"


def _action_id(sender: str, sender_ref: str | None, record: Record) -> str:
    if sender_ref is not None:
        return ids.action_id(sender, sender_ref)
    return ids.action_id_at_offset(sender, record.topic, record.partition, record.offset)
