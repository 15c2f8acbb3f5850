"""The desk's Kafka door: departments' answers, from their own topics into the inbox. It decides nothing."""

from typing import Any, Final, TypeAlias

import asyncpg

from paidan_chassis.clock import Clock
from paidan_chassis.consumer.batch import Work
from paidan_chassis.consumer.records import Record
from paidan_contracts import ids
from paidan_contracts.actions import Actor, Answer
from paidan_contracts.orders import AnswerRefused
from paidan_contracts.outcomes import Why
from paidan_contracts.topics import ANSWERS_PREFIX
from paidan_dispatch.actions.requests import Asked, Speaker, request
from paidan_dispatch.inbox import messages
from paidan_dispatch.inbox.decode import (
    ANSWERS,
    Unreadable,
    claimed_answer,
    read,
)
from paidan_dispatch.inbox.refusals import UNKNOWN_DEPARTMENT

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

# Of any version: a department that was dropped yesterday still has orders to answer.
DEPARTMENTS: Final = """
    SELECT DISTINCT department ->> 'id' AS id
      FROM cities.pack,
           jsonb_array_elements(convert_from(content, 'UTF8')::jsonb -> 'departments') AS department
"""


class Desk:
    """Passes answers on: who speaks is what the topic says, when is what the broker says."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._departments: frozenset[str] = frozenset()

    async def apply(self, work: Work) -> None:
        """Put every answer that can be read into its case's lane, and tell its department of every one that cannot."""
        await self._meet(work)
        for record in work.records:
            department = record.topic.removeprefix(ANSWERS_PREFIX)
            if department not in self._departments:
                # Nobody is told: whoever writes under a name of their own making gets no topic made for them.
                work.bury(record, UNKNOWN_DEPARTMENT.code, "no published city has such a department")
                continue
            match read(ANSWERS, record):
                case Answer() as answer:
                    self._pass_on(work, record, department, answer)
                case Unreadable() as unreadable:
                    work.bury(record, unreadable.reason, unreadable.detail)
                    self._turn_away(work, record, department, unreadable.why)

    def forget(self) -> None:
        """Keep nothing that could be wrong: a published pack is never withdrawn."""

    async def _meet(self, work: Work) -> None:
        speaking = {record.topic.removeprefix(ANSWERS_PREFIX) for record in work.records}
        if not speaking <= self._departments:
            rows = await work.conn.fetch(DEPARTMENTS)
            self._departments = frozenset(row["id"] for row in rows)

    def _pass_on(self, work: Work, record: Record, department: str, answer: Answer) -> None:
        sender = sender_of(department)
        speaker = Speaker(
            actor=Actor(kind="department", id=department),
            door="kafka",
            action_id=_action_id(sender, answer.id, record),
            ref=answer.id,
            answer=(record.partition, record.offset),
        )
        asked = Asked(case_id=answer.case_id, action=answer.action, occurred_at=answer.occurred_at)
        work.emit(record, messages.request_said(request(asked, speaker, self._clock.city_time(record.appended_at))))

    def _turn_away(self, work: Work, record: Record, department: str, why: Why) -> None:
        ref, case_id = claimed_answer(record)
        refused = AnswerRefused(
            action_id=_action_id(sender_of(department), ref, record),
            your_id=ref,
            case_id=case_id,
            answer_partition=record.partition,
            answer_offset=record.offset,
            why=why,
            recorded_at=self._clock.city_time(record.appended_at),
        )
        work.emit(record, messages.refusal_said(refused, department))


def sender_of(department: str) -> str:
    """Name a department as the sender of actions, the same at both doors."""
    return f"department:{department}"


def _action_id(sender: str, ref: str | None, record: Record) -> str:
    if ref is not None:
        return ids.action_id(sender, ref)
    return ids.unnamed_action_id(sender, record.topic, record.partition, record.offset)
