"""The consumers' handlers: the inbox, decided batch by batch, and departments' answers, forwarded to the inbox."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from paidan_chassis import city_packs
from paidan_chassis.clock import Clock
from paidan_chassis.consumer.batch import Batch, Lane, Record
from paidan_chassis.consumer.lane_state import LaneState
from paidan_chassis.consumer.writes import Write
from paidan_chassis.database import Connection
from paidan_chassis.json_bodies import read_json
from paidan_chassis.kafka.cloudevents import DecodeError, decode
from paidan_chassis.observability import logs
from paidan_chassis.observability.metrics import Counter, Metrics
from paidan_contracts import ids
from paidan_contracts.actions import Actor, Answer, UnknownAction
from paidan_contracts.inbox import RELEASE
from paidan_contracts.orders import AnswerRefused
from paidan_contracts.outcomes import Refusal
from paidan_contracts.topics import ANSWERS_PREFIX
from paidan_dispatch.actions.requests import CityTerms, RequestedAction, Requester, build_request, department_sender
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox import messages
from paidan_dispatch.inbox.background_save import PART_RECORDS, BackgroundSave
from paidan_dispatch.inbox.decide_batch import decide_batch
from paidan_dispatch.inbox.decode import claimed_answer, decode_refusal
from paidan_dispatch.inbox.in_force import InForce, load_in_force, require_release
from paidan_dispatch.inbox.load import load
from paidan_dispatch.inbox.refusals import UNKNOWN_DEPARTMENT, rejected_refusal
from paidan_dispatch.inbox.save import BatchWrites, as_one_statement, batch_writes
from paidan_dispatch.inbox.timer_loop import TimerScheduler
from paidan_dispatch.inbox.unit_of_work import DecodedRecord, UnitOfWork

MAX_NOTED_FIELDS: Final = 1000
_FIELD_NAME: Final = re.compile(r"[\w.-]{1,80}", re.ASCII)
_read_answer: Final = partial(read_json, Answer)
_log: Final = logs.get_logger(loop="answers")


class InboxHandler:
    """Applies batches of the inbox, each partition in log order, as far as this release decides it."""

    def __init__(
        self,
        packs: PackCache,
        *,
        release: int = RELEASE,
        part_records: int = PART_RECORDS,
        timers: TimerScheduler | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._packs = packs
        self._release = release
        self._part_records = part_records
        self._timers = timers
        self._metrics = metrics
        self._counters: dict[str, Counter] = {}
        self._in_force: InForce | None = None

    async def apply(self, batch: Batch) -> None:
        """Decide on every record and write the results; the consumer commits them together with the offsets."""
        unit_of_work = await self._load(batch)
        saving = BackgroundSave(batch)
        try:
            for start in range(0, len(unit_of_work.entries), self._part_records):
                part = unit_of_work.entries[start : start + self._part_records]
                writes = await self._decide(batch, unit_of_work, part)
                unit_of_work.mark_stored()
                await saving.start(writes)
                self._notify_timers(writes)
            await saving.wait()
        except BaseException:
            await saving.abandon()
            raise
        self._count_outcomes(batch)

    async def prepare(self, batch: Batch) -> Sequence[Write] | None:
        """Decide on every record of a small batch and return what to write."""
        unit_of_work = await self._load(batch)
        writes = await self._decide(batch, unit_of_work, unit_of_work.entries)
        combined = as_one_statement(writes)
        if combined is None or batch.dead_letters:
            return None
        self._notify_timers(writes)
        self._count_outcomes(batch)
        return combined

    async def _load(self, batch: Batch) -> UnitOfWork:
        if self._in_force is None:
            self._in_force = await load_in_force(batch.conn, self._packs, self._release)
        return await load(batch, self._packs, self._in_force)

    async def _decide(self, batch: Batch, unit_of_work: UnitOfWork, entries: Sequence[DecodedRecord]) -> BatchWrites:
        await decide_batch(batch, unit_of_work, entries)
        return batch_writes(unit_of_work, entries)

    def _notify_timers(self, writes: BatchWrites) -> None:
        due_at = writes.next_due_at
        if self._timers is not None and due_at is not None and due_at < self._timers.next_due_at:
            self._timers.notify(due_at)

    def _count_outcomes(self, batch: Batch) -> None:
        if self._metrics is not None:
            for outcome, number in batch.counts.items():
                counter = self._counters.get(outcome)
                if counter is None:
                    counter = self._metrics.counter("paidan_outcomes_total", outcome=outcome)
                    self._counters[outcome] = counter
                counter.inc(number)

    async def verify_lanes(self, conn: Connection, lanes: Mapping[Lane, LaneState]) -> None:
        """Raise ``Halt`` for a lane that another release must decide, as far as its row and its log's end show it."""
        unread = {lane.partition: state.next_offset < state.bounds.end for lane, state in lanes.items()}
        await require_release(conn, unread, self._release)

    def clear_cache(self) -> None:
        """Drop what is in force: after a rollback, a change of owner or a restore they may be wrong."""
        self._in_force = None


class AnswersHandler:
    """Forwards departments' answers to the inbox, undecided: department from the topic, time from the broker."""

    def __init__(self, clock: Clock, terms: CityTerms) -> None:
        self._clock = clock
        self._terms = terms
        self._departments: frozenset[str] = frozenset()
        self._noted_fields: set[tuple[str, str]] = set()

    async def apply(self, batch: Batch) -> None:
        """Send every valid answer to its case's partition of the inbox, and a refusal for every other one."""
        await self._load_departments(batch)
        await self._terms.refresh(batch.conn)
        for record, reason, _ in batch.rejected:
            department = record.topic.removeprefix(ANSWERS_PREFIX)
            if department in self._departments:
                self._refuse(batch, record, department, rejected_refusal(reason))
        for record in batch.records:
            await batch.pause()
            department = record.topic.removeprefix(ANSWERS_PREFIX)
            if department not in self._departments:
                # No refusal: it would create a topic for an arbitrary name.
                batch.dead_letter(record, UNKNOWN_DEPARTMENT.code, "no published city has such a department")
                continue
            match decode(_read_answer, record.value, record.headers):
                case Answer() as answer:
                    self._note_unknown_fields(record, department, answer)
                    self._forward(batch, record, department, answer)
                case DecodeError() as error:
                    batch.dead_letter(record, error.reason, error.detail)
                    self._refuse(batch, record, department, decode_refusal(error))

    def clear_cache(self) -> None:
        """Drop nothing: a published pack is never withdrawn, so known departments stay known."""

    async def _load_departments(self, batch: Batch) -> None:
        records = (*batch.records, *(rejected.record for rejected in batch.rejected))
        departments = {record.topic.removeprefix(ANSWERS_PREFIX) for record in records}
        if not departments <= self._departments:
            # Of any version: a department that was dropped yesterday still has orders to answer.
            items = await city_packs.load_item_ids(batch.conn, ["departments"])
            self._departments = frozenset(item.id for item in items)

    def _note_unknown_fields(self, record: Record, department: str, answer: Answer) -> None:
        """Log each field that a department sends and nobody reads, once: the answer is taken all the same."""
        body = json.loads(record.value or b"{}")
        unknown = {name for name in body if name not in Answer.model_fields}
        if not isinstance(answer.action, UnknownAction):
            known = type(answer.action).model_fields
            unknown |= {f"action.{name}" for name in body["action"] if name not in known}
        for name in sorted(unknown):
            field = name if _FIELD_NAME.fullmatch(name) else "?"
            if (department, field) not in self._noted_fields and len(self._noted_fields) < MAX_NOTED_FIELDS:
                self._noted_fields.add((department, field))
                _log.warning("unknown_field_ignored", topic=record.topic, field=field)

    def _forward(self, batch: Batch, record: Record, department: str, answer: Answer) -> None:
        requester = Requester(
            actor=Actor(kind="department", id=department),
            door="kafka",
            action_id=_action_id(department, answer.id, record),
            sender_ref=answer.id,
            answer_position=(record.partition, record.offset),
        )
        requested_action = RequestedAction(
            answer.case_id,
            answer.action,
            self._terms.in_zone(answer.case_id, answer.occurred_at),
            terms=self._terms.of(answer.case_id),
        )
        request = build_request(requested_action, requester, self._clock.city_time(record.appended_at))
        batch.emit(record, messages.request_message(request))

    def _refuse(self, batch: Batch, record: Record, department: str, refusal: Refusal) -> None:
        sender_ref, case_id = claimed_answer(record)
        refused = AnswerRefused(
            action_id=_action_id(department, sender_ref, record),
            your_id=sender_ref,
            case_id=case_id,
            answer_partition=record.partition,
            answer_offset=record.offset,
            why=refusal,
            recorded_at=self._clock.city_time(record.appended_at),
        )
        batch.emit(record, messages.refusal_message(refused, department))


def _action_id(department: str, sender_ref: str | None, record: Record) -> str:
    sender = department_sender(department)
    if sender_ref is not None:
        return ids.action_id(sender, sender_ref)
    return ids.action_id_at_offset(sender, record.topic, record.partition, record.offset)
