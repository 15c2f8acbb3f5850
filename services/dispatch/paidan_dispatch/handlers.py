"""What dispatch hears on its inbox: read, load, decide in the log's order, write. The deciding itself is elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from paidan_chassis.consumer.batch import Batch, DeadLetter, Record
from paidan_contracts.actions import ActionRequested
from paidan_contracts.ids import reuse_refusal_id
from paidan_contracts.inbox import CityInForce, InboxEvent, TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases import deadlines
from paidan_dispatch.cases.deadlines import Timer
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox import inserts, queries, updates
from paidan_dispatch.inbox.decide_batch import DEAD_LETTERED, BatchDecider, city_of
from paidan_dispatch.inbox.decode import (
    INBOX_ADAPTER,
    DecodeError,
    claimed_id,
    decode,
)
from paidan_dispatch.inbox.inserts import NewRows
from paidan_dispatch.inbox.refusals import too_large_refusal, unreadable_refusal
from paidan_dispatch.inbox.unit_of_work import UnitOfWork
from paidan_dispatch.matching.match import CandidateIndex, squares_around

# On a starved machine a thousand decisions may take longer than a transaction may idle; heartbeats need a turn, too.
KEEPALIVE_EVERY: Final = 250
KEEPALIVE: Final = "SELECT 1"

PoliciesInForce: TypeAlias = dict[tuple[int, str], CityPolicy]
"""By lane and city."""


@dataclass(frozen=True, slots=True)
class DecodedRecord:
    """A record, what it says, and the city as its lane knew it at that point of the log."""

    record: Record
    entry: InboxEvent | DecodeError | Refusal
    """``Why``: the consumer itself set the record aside."""
    policy: CityPolicy | None


class InboxHandler:
    """Applies the inbox, lane by lane, each in the order that Kafka keeps."""

    def __init__(
        self,
        packs: PackCache,
        *,
        on_timer_set: Callable[[datetime], None],
        count_outcomes: Callable[[str, int], None] | None = None,
    ) -> None:
        """``timer_set`` is told when a clock is set, ``count`` what became of how many; both before the commit."""
        self._packs = packs
        self._on_timer_set = on_timer_set
        self._count_outcomes = count_outcomes
        self._in_force: PoliciesInForce | None = None

    async def apply(self, batch: Batch) -> None:
        """Decide on every record of the batch and write what follows from it."""
        if self._in_force is None:
            self._in_force = await self._load_in_force(batch)
        decoded = [await self._decode(batch, record, self._in_force) for record in batch.records]
        if batch.rejected:
            decoded = sorted((*decoded, *map(_from_dead_letter, batch.rejected)), key=_log_position)
        unit_of_work = await self._load(batch, decoded)
        decider = BatchDecider(batch, unit_of_work, await self._load_nearby(batch, decoded, unit_of_work))
        for number, each in enumerate(decoded, start=1):
            decider.decide(each.record, each.entry, each.policy)
            if number % KEEPALIVE_EVERY == 0:
                await batch.conn.execute(KEEPALIVE)
        await self._save(batch, decoded, unit_of_work)
        if self._count_outcomes is not None:
            for outcome, number in batch.counts.items():
                self._count_outcomes(outcome, number)

    def clear_cache(self) -> None:
        """Read again what is in force: a rollback, another owner or a restored copy made the memory doubtful."""
        self._in_force = None

    async def _load_in_force(self, batch: Batch) -> PoliciesInForce:
        stored = await queries.load_packs_in_force(batch.conn)
        return {key: await self._packs.get(batch.conn, version) for key, version in stored.items()}

    async def _decode(self, batch: Batch, record: Record, in_force: PoliciesInForce) -> DecodedRecord:
        entry = decode(INBOX_ADAPTER, record)
        match entry:
            case ReportReceived():
                return DecodedRecord(record, entry, in_force.get((record.partition, entry.city)))
            case ActionRequested() | TimerDue():
                return DecodedRecord(record, entry, in_force.get((record.partition, city_of(entry.area))))
            case CityInForce():
                policy = await self._packs.get(batch.conn, entry.version)
                if policy.city.id != entry.city:
                    return DecodedRecord(
                        record, DecodeError("invalid_field", "city", "the pack is another city's"), None
                    )
                in_force[record.partition, entry.city] = policy
                return DecodedRecord(record, entry, policy)
            case DecodeError():
                return DecodedRecord(record, entry, None)

    async def _load(self, batch: Batch, decoded: Sequence[DecodedRecord]) -> UnitOfWork:
        entries = [each.entry for each in decoded]
        unit_of_work = UnitOfWork(
            known_outcomes=await queries.load_known_outcomes(batch.conn, set(_claimed_ids(decoded)))
        )
        unit_of_work.previously_dead_lettered = {
            id_ for id_, known in unit_of_work.known_outcomes.items() if known.result == DEAD_LETTERED
        }
        unit_of_work.known_outcomes.update(
            await queries.load_known_outcomes(batch.conn, set(_reused_ids(entries, unit_of_work)))
        )
        case_ids = {entry.case_id for entry in entries if isinstance(entry, ActionRequested | TimerDue)}
        report_ids = {entry.of_report for entry in entries if isinstance(entry, ActionRequested) and entry.of_report}
        case_ids.update(
            known.case_id for id_, known in unit_of_work.known_outcomes.items() if id_ in report_ids and known.case_id
        )
        unit_of_work.case_files = await queries.load_case_files(batch.conn, case_ids, _partitions(batch))
        return unit_of_work

    async def _load_nearby(
        self, batch: Batch, decoded: Sequence[DecodedRecord], unit_of_work: UnitOfWork
    ) -> dict[int, CandidateIndex]:
        nearby = {partition: CandidateIndex() for partition in _partitions(batch)}
        reports = [
            (each.entry, each.policy) for each in decoded if isinstance(each.entry, ReportReceived) and each.policy
        ]
        squares = {square for report, policy in reports for square in squares_around(report, policy)}
        if squares:
            since = min(report.recorded_at for report, _ in reports)
            candidates, case_files = await queries.load_nearby(batch.conn, squares, list(nearby), since=since)
            for lane, each in candidates:
                nearby[lane].apply(each)
            unit_of_work.case_files = case_files | unit_of_work.case_files
        return nearby

    async def _save(self, batch: Batch, decoded: Sequence[DecodedRecord], unit_of_work: UnitOfWork) -> None:
        conn = batch.conn
        pack_changes = [(each.record.partition, each.entry) for each in decoded if isinstance(each.entry, CityInForce)]
        await updates.save_packs_in_force(conn, {(partition, entry.city): entry for partition, entry in pack_changes})
        started_timers = [
            (timer, each.partition)
            for each in unit_of_work.opened_cases
            for timer in deadlines.running_timers(each.current_state)
        ]
        replaced_outcomes = [
            row for id_, row in unit_of_work.outcomes.items() if id_ in unit_of_work.previously_dead_lettered
        ]
        new_outcomes = [
            row for id_, row in unit_of_work.outcomes.items() if id_ not in unit_of_work.previously_dead_lettered
        ]
        await inserts.insert_rows(
            conn, NewRows.from_batch(unit_of_work.opened_cases, unit_of_work.new_events, new_outcomes, started_timers)
        )
        await updates.update_cases(conn, unit_of_work.updated_cases)
        await updates.replace_dead_letter_outcomes(conn, replaced_outcomes)
        running_timers = await self._save_timer_changes(batch, unit_of_work)
        if started_timers or running_timers:
            self._on_timer_set(min(timer.due_at for timer, _ in (*started_timers, *running_timers)))

    async def _save_timer_changes(self, batch: Batch, unit_of_work: UnitOfWork) -> list[tuple[Timer, int]]:
        changes = [
            (each.partition, deadlines.timer_changes(each.stored, each.current_state))
            for each in unit_of_work.updated_cases
        ]
        stopped = {(timer.case_id, timer.kind, timer.generation) for _, change in changes for timer in change.to_cancel}
        running = [(timer, partition) for partition, change in changes for timer in change.to_set]
        await updates.save_timer_changes(batch.conn, stopped=stopped.union(unit_of_work.fired_timers), running=running)
        return running


def _partitions(batch: Batch) -> list[int]:
    return sorted({record.partition for record in batch.records})


def _from_dead_letter(dead_letter: DeadLetter) -> DecodedRecord:
    record, reason, _ = dead_letter
    return DecodedRecord(
        record, too_large_refusal() if reason == "too_large" else unreadable_refusal(None, reason), None
    )


def _log_position(decoded: DecodedRecord) -> tuple[int, int]:
    return decoded.record.partition, decoded.record.offset


def _claimed_ids(decoded: Sequence[DecodedRecord]) -> Iterator[str]:
    for each in decoded:
        match each.entry:
            case ReportReceived() as report:
                yield report.report_id
            case ActionRequested() as request:
                yield request.action_id
                if request.of_report:
                    yield request.of_report
            case DecodeError() | Refusal():
                claimed = claimed_id(each.record)
                if claimed:
                    yield claimed[1]
            case _:
                continue


def _reused_ids(entries: Sequence[InboxEvent | DecodeError | Refusal], unit_of_work: UnitOfWork) -> Iterator[str]:
    digests: dict[str, set[str]] = {}
    for entry in entries:
        if isinstance(entry, ReportReceived | ActionRequested):
            id_ = entry.report_id if isinstance(entry, ReportReceived) else entry.action_id
            digests.setdefault(id_, set()).add(entry.digest)
    for id_, id_digests in digests.items():
        known = unit_of_work.known_outcomes.get(id_)
        if known is not None and known.digest is not None:
            id_digests.add(known.digest.hex())
        if len(id_digests) > 1:
            yield from (reuse_refusal_id(id_, digest) for digest in id_digests)
