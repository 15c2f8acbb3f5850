"""What dispatch hears on its inbox: read, load, decide in the log's order, write. The deciding itself is elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from paidan_chassis.consumer.batch import Doomed, Work
from paidan_chassis.consumer.records import Record
from paidan_contracts.actions import ActionRequested
from paidan_contracts.ids import reused_id
from paidan_contracts.inbox import CityInForce, InboxEntry, TimerDue
from paidan_contracts.outcomes import Why
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases import deadlines
from paidan_dispatch.cases.deadlines import Timer
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.city_packs import Cities
from paidan_dispatch.inbox import inserts, queries, updates
from paidan_dispatch.inbox.decide_batch import DEAD_LETTERED, Deciding, city_of
from paidan_dispatch.inbox.decode import (
    INBOX,
    Unreadable,
    claimed_id,
    read,
)
from paidan_dispatch.inbox.inserts import Added
from paidan_dispatch.inbox.refusals import too_large, unreadable
from paidan_dispatch.inbox.unit_of_work import Ledger
from paidan_dispatch.matching.match import Nearby, squares_around

# On a starved machine a thousand decisions may take longer than a transaction may idle; heartbeats need a turn, too.
SIGN_OF_LIFE_EVERY: Final = 250
SIGN_OF_LIFE: Final = "SELECT 1"

InForce: TypeAlias = dict[tuple[int, str], Bylaws]
"""By lane and city."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A record, what it says, and the city as its lane knew it at that point of the log."""

    record: Record
    entry: InboxEntry | Unreadable | Why
    """``Why``: the consumer itself set the record aside."""
    bylaws: Bylaws | None


class Inbox:
    """Applies the inbox, lane by lane, each in the order that Kafka keeps."""

    def __init__(
        self, cities: Cities, *, timer_set: Callable[[datetime], None], count: Callable[[str, int], None] | None = None
    ) -> None:
        """``timer_set`` is told when a clock is set, ``count`` what became of how many; both before the commit."""
        self._cities = cities
        self._timer_set = timer_set
        self._count = count
        self._in_force: InForce | None = None

    async def apply(self, work: Work) -> None:
        """Decide on every record of the batch and write what follows from it."""
        if self._in_force is None:
            self._in_force = await self._read_in_force(work)
        heard = [await self._hear(work, record, self._in_force) for record in work.records]
        if work.doomed:
            heard = sorted((*heard, *map(_set_aside, work.doomed)), key=_place)
        ledger = await self._load(work, heard)
        deciding = Deciding(work, ledger, await self._look_around(work, heard, ledger))
        for number, each in enumerate(heard, start=1):
            deciding.take(each.record, each.entry, each.bylaws)
            if number % SIGN_OF_LIFE_EVERY == 0:
                await work.conn.execute(SIGN_OF_LIFE)
        await self._write(work, heard, ledger)
        if self._count is not None:
            for outcome, number in work.counts.items():
                self._count(outcome, number)

    def forget(self) -> None:
        """Read again what is in force: a rollback, another owner or a restored copy made the memory doubtful."""
        self._in_force = None

    async def _read_in_force(self, work: Work) -> InForce:
        stored = await queries.cities_in_force(work.conn)
        return {where: await self._cities.get(work.conn, version) for where, version in stored.items()}

    async def _hear(self, work: Work, record: Record, in_force: InForce) -> Heard:
        entry = read(INBOX, record)
        match entry:
            case ReportReceived():
                return Heard(record, entry, in_force.get((record.partition, entry.city)))
            case ActionRequested() | TimerDue():
                return Heard(record, entry, in_force.get((record.partition, city_of(entry.area))))
            case CityInForce():
                bylaws = await self._cities.get(work.conn, entry.version)
                if bylaws.city.id != entry.city:
                    return Heard(record, Unreadable("invalid_field", "city", "the pack is another city's"), None)
                in_force[record.partition, entry.city] = bylaws
                return Heard(record, entry, bylaws)
            case Unreadable():
                return Heard(record, entry, None)

    async def _load(self, work: Work, heard: Sequence[Heard]) -> Ledger:
        entries = [each.entry for each in heard]
        ledger = Ledger(decided=await queries.decided(work.conn, set(_ids(heard))))
        ledger.reopened = {id_ for id_, known in ledger.decided.items() if known.result == DEAD_LETTERED}
        ledger.decided.update(await queries.decided(work.conn, set(_reused_ids(entries, ledger))))
        wanted = {entry.case_id for entry in entries if isinstance(entry, ActionRequested | TimerDue)}
        reports = {entry.of_report for entry in entries if isinstance(entry, ActionRequested) and entry.of_report}
        wanted.update(known.case_id for id_, known in ledger.decided.items() if id_ in reports and known.case_id)
        ledger.files = await queries.cases(work.conn, wanted, _lanes(work))
        return ledger

    async def _look_around(self, work: Work, heard: Sequence[Heard], ledger: Ledger) -> dict[int, Nearby]:
        nearby = {lane: Nearby() for lane in _lanes(work)}
        reports = [
            (each.entry, each.bylaws) for each in heard if isinstance(each.entry, ReportReceived) and each.bylaws
        ]
        squares = {square for report, bylaws in reports for square in squares_around(report, bylaws)}
        if squares:
            since = min(report.recorded_at for report, _ in reports)
            seen, files = await queries.nearby(work.conn, squares, list(nearby), since=since)
            for lane, each in seen:
                nearby[lane].note(each)
            ledger.files = files | ledger.files
        return nearby

    async def _write(self, work: Work, heard: Sequence[Heard], ledger: Ledger) -> None:
        conn = work.conn
        said = [(each.record.partition, each.entry) for each in heard if isinstance(each.entry, CityInForce)]
        await updates.put_in_force(conn, {(lane, entry.city): entry for lane, entry in said})
        started = [(timer, each.lane) for each in ledger.opened for timer in deadlines.running(each.now)]
        again = [row for id_, row in ledger.outcomes.items() if id_ in ledger.reopened]
        fresh = [row for id_, row in ledger.outcomes.items() if id_ not in ledger.reopened]
        await inserts.add(conn, Added.of(ledger.opened, ledger.history, fresh, started))
        await updates.move_cases(conn, ledger.moved)
        await updates.conclude_after_all(conn, again)
        running = await self._change_clocks(work, ledger)
        if started or running:
            self._timer_set(min(timer.due_at for timer, _ in (*started, *running)))

    async def _change_clocks(self, work: Work, ledger: Ledger) -> list[tuple[Timer, int]]:
        changes = [(each.lane, deadlines.changes(each.stored, each.now)) for each in ledger.moved]
        stopped = {(timer.case_id, timer.kind, timer.generation) for _, change in changes for timer in change.cancelled}
        running = [(timer, lane) for lane, change in changes for timer in change.set]
        await updates.change_timers(work.conn, stopped=stopped.union(ledger.rung), running=running)
        return running


def _lanes(work: Work) -> list[int]:
    return sorted({record.partition for record in work.records})


def _set_aside(doomed: Doomed) -> Heard:
    record, reason, _ = doomed
    return Heard(record, too_large() if reason == "too_large" else unreadable(None, reason), None)


def _place(heard: Heard) -> tuple[int, int]:
    return heard.record.partition, heard.record.offset


def _ids(heard: Sequence[Heard]) -> Iterator[str]:
    for each in heard:
        match each.entry:
            case ReportReceived() as report:
                yield report.report_id
            case ActionRequested() as request:
                yield request.action_id
                if request.of_report:
                    yield request.of_report
            case Unreadable() | Why():
                claimed = claimed_id(each.record)
                if claimed:
                    yield claimed[1]
            case _:
                continue


def _reused_ids(entries: Sequence[InboxEntry | Unreadable | Why], ledger: Ledger) -> Iterator[str]:
    digests: dict[str, set[str]] = {}
    for entry in entries:
        if isinstance(entry, ReportReceived | ActionRequested):
            id_ = entry.report_id if isinstance(entry, ReportReceived) else entry.action_id
            digests.setdefault(id_, set()).add(entry.digest)
    for id_, several in digests.items():
        known = ledger.decided.get(id_)
        if known is not None and known.digest is not None:
            several.add(known.digest.hex())
        if len(several) > 1:
            yield from (reused_id(id_, digest) for digest in several)
