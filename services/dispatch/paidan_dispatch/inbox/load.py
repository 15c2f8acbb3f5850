"""Loads a unit of work: decodes a batch's records and reads from the database what deciding on them needs."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from paidan_chassis.consumer.batch import Batch, DeadLetter, Record
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cloudevents import DecodeError, decode
from paidan_contracts.actions import ActionRequested
from paidan_contracts.emergencies import EmergencyDue, EmergencyInForce, EmergencyOver, EmergencyPortion
from paidan_contracts.emergency_actions import CITY_ACTIONS
from paidan_contracts.ids import city_of, reuse_refusal_id
from paidan_contracts.inbox import CityInForce, PhotoStored, ReleaseInForce, TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases.guards import ProofPhoto
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.proofs import proof_of
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox.camera_records import load_camera_records
from paidan_dispatch.inbox.case_serials import load_serials
from paidan_dispatch.inbox.decode import INBOX_ADAPTER, claimed_id
from paidan_dispatch.inbox.emergency_book import declarations_of, load_book
from paidan_dispatch.inbox.in_force import FIRST_RELEASE, InForce, follow_emergency, read_mark, release_needed
from paidan_dispatch.inbox.refusals import rejected_refusal
from paidan_dispatch.inbox.rows import KnownOutcome, candidate_of_row
from paidan_dispatch.inbox.unit_of_work import DEAD_LETTERED, CaseFile, DecodedRecord, UnitOfWork
from paidan_dispatch.matching.match import CandidateIndex, open_within_reach, squares_around

# Long lists are sent as one text: asyncpg checks of each element of an array whether it is one itself, 0.4 us each.
SELECT_OUTCOMES: Final = """
    SELECT id::text, result, digest, case_id, area, sender, why
      FROM outcome
     WHERE id = ANY(string_to_array($1, ',')::uuid[])
"""

# A case's state is that of its newest event.
SELECT_CASES: Final = """
    SELECT case_id, lane, history.event, history.chain
      FROM case_now
      JOIN history USING (case_id, version)
     WHERE case_id = ANY($1::text[])
       AND lane = ANY($2::integer[])
"""

SELECT_PHOTOS: Final = """
    SELECT ref, case_id, holder, stored_at, CASE WHEN used THEN case_id END AS used_in,
           CASE WHEN used THEN coalesce(used_round, 1) END AS used_round
      FROM photo
     WHERE ref = ANY($1::text[])
       AND lane = ANY($2::integer[])
     ORDER BY ref, case_id, holder
"""

SELECT_NEARBY: Final = """
    SELECT lane, case_id, square, area, class_code, matched_within, past, channel, latitude, longitude, reported_at,
           ended_at, recurs_until
      FROM case_now
     WHERE square = ANY(string_to_array($1, ',')::bigint[])
       AND recurs_until >= $2
       AND lane = ANY($3::integer[])
"""


_OF_A_CITY: Final = (EmergencyInForce, EmergencyOver, EmergencyDue, EmergencyPortion, *CITY_ACTIONS)


async def load(batch: Batch, packs: PackCache, in_force: InForce) -> UnitOfWork:
    """Return the unit of work of a batch. What its records put in force is added to ``in_force``."""
    entries = [await _decode(batch, record, packs, in_force) for record in batch.records]
    if batch.rejected:
        entries = sorted((*entries, *map(_from_dead_letter, batch.rejected)), key=_log_position)
    partitions = sorted({record.partition for record in batch.records})
    unit_of_work = UnitOfWork(entries, {partition: CandidateIndex() for partition in partitions})
    await _load_outcomes(batch, unit_of_work)
    reachable_ids = await _load_nearby(batch, unit_of_work)
    await _load_cases(batch, unit_of_work, reachable_ids)
    await _load_photos(batch, unit_of_work)
    await _load_emergencies(batch, unit_of_work)
    if any(each.policy is not None and each.policy.number_format is not None for each in entries):
        await load_serials(batch.conn, entries, in_force.serials)
        unit_of_work.serials = in_force.serials
    if any(each.policy is not None and each.policy.city.trusts_cameras for each in entries):
        unit_of_work.cameras = await load_camera_records(batch.conn, entries, unit_of_work)
    return unit_of_work


async def load_known_outcomes(conn: Connection, ids: Collection[str]) -> dict[str, KnownOutcome]:
    """Return the outcomes of those of these reports and actions that are decided."""
    rows = await conn.fetch(SELECT_OUTCOMES, ",".join(ids)) if ids else ()
    return {id_: KnownOutcome(*outcome) for id_, *outcome in rows}


async def load_photos(conn: Connection, refs: Collection[str], lanes: Collection[int]) -> dict[str, list[ProofPhoto]]:
    """Return what these lanes know of photos, by reference."""
    photos: dict[str, list[ProofPhoto]] = {}
    for row in await conn.fetch(SELECT_PHOTOS, list(refs), list(lanes)):
        photos.setdefault(row["ref"], []).append(ProofPhoto(*row))
    return photos


async def _decode(batch: Batch, record: Record, packs: PackCache, in_force: InForce) -> DecodedRecord:
    await batch.pause()
    entry = decode(INBOX_ADAPTER.validate_json, record.value, record.headers)
    release = in_force.releases.get(record.partition, FIRST_RELEASE)
    if release != in_force.release and not isinstance(entry, ReleaseInForce):
        raise release_needed(record.partition, release, in_force.release)
    match entry:
        case ReportReceived():
            return DecodedRecord(record, entry, _policy_of(in_force, record.partition, entry.city, entry.area))
        case ActionRequested() | TimerDue():
            return DecodedRecord(record, entry, _policy_of(in_force, record.partition, city_of(entry.area), entry.area))
        case EmergencyInForce() | EmergencyOver() | EmergencyDue() | EmergencyPortion():
            follow_emergency(in_force, record.partition, entry)
            return DecodedRecord(record, entry, _policy_of(in_force, record.partition, city_of(entry.area), entry.area))
        case CityInForce():
            policy = await packs.get(batch.conn, entry.version)
            if policy.city.id != entry.city:
                return DecodedRecord(record, DecodeError("invalid_field", "city", "the pack is another city's"), None)
            in_force.policies[record.partition, entry.city] = policy
            return DecodedRecord(record, entry, policy)
        case ReleaseInForce():
            read_mark(in_force, record.partition, entry.number)
        case PhotoStored() | DecodeError():
            pass
    return DecodedRecord(record, entry, None)


def _policy_of(in_force: InForce, partition: int, city: str, area: str) -> CityPolicy | None:
    policy = in_force.policies.get((partition, city))
    return in_force.under_emergencies(policy, partition, area) if in_force.emergencies else policy


async def _load_emergencies(batch: Batch, unit_of_work: UnitOfWork) -> None:
    entries = [each.entry for each in unit_of_work.entries if not isinstance(each.entry, ReportReceived | TimerDue)]
    if any(isinstance(getattr(each, "action", each), _OF_A_CITY) for each in entries):
        ids = dict.fromkeys(id_ for each in entries for id_ in declarations_of(each))
        unit_of_work.book = await load_book(batch.conn, list(unit_of_work.nearby), list(ids))


async def _load_outcomes(batch: Batch, unit_of_work: UnitOfWork) -> None:
    known_outcomes = await load_known_outcomes(batch.conn, set(_claimed_ids(unit_of_work.entries)))
    unit_of_work.previously_dead_lettered = {
        id_ for id_, known in known_outcomes.items() if known.result == DEAD_LETTERED
    }
    reused_ids = set(_reused_ids(unit_of_work.entries, known_outcomes))
    if reused_ids:
        known_outcomes.update(await load_known_outcomes(batch.conn, reused_ids))
    unit_of_work.known_outcomes = known_outcomes


async def _load_cases(batch: Batch, unit_of_work: UnitOfWork, reachable_ids: Iterable[str]) -> None:
    case_ids = {*_target_ids(unit_of_work), *reachable_ids}
    if case_ids:
        # Only cases of these partitions: a case may be changed only by the owner of its partition.
        rows = await batch.conn.fetch(SELECT_CASES, case_ids, list(unit_of_work.nearby))
        unit_of_work.case_files = {
            row["case_id"]: CaseFile(row["lane"], last_event=row["event"], chain=row["chain"]) for row in rows
        }


async def _load_photos(batch: Batch, unit_of_work: UnitOfWork) -> None:
    refs = {ref for each in unit_of_work.entries for ref in _photos_of(each.entry)}
    if refs:
        unit_of_work.photos = await load_photos(batch.conn, refs, unit_of_work.nearby)


async def _load_nearby(batch: Batch, unit_of_work: UnitOfWork) -> list[str]:
    """Load what the reports may match; return the stored open cases for whose states matching may ask.

    Those that the batch changes first, so that they come within reach, are its targets.
    """
    searches = [
        (each.entry, rules, squares_around(each.entry, rules), unit_of_work.nearby[each.record.partition])
        for each in unit_of_work.entries
        if isinstance(each.entry, ReportReceived) and each.policy and (rules := each.policy.match_rules)
    ]
    squares = {square for _, _, squares, _ in searches for square in squares}
    if not squares:
        return []
    since = min(report.recorded_at for report, *_ in searches)
    rows = await batch.conn.fetch(SELECT_NEARBY, ",".join(map(str, squares)), since, list(unit_of_work.nearby))
    for row in rows:
        unit_of_work.nearby[row["lane"]].apply(candidate_of_row(row))
    return [
        case_id
        for report, rules, squares, nearby in searches
        for case_id in open_within_reach(report, nearby.in_squares(squares), rules)
    ]


def _target_ids(unit_of_work: UnitOfWork) -> Iterator[str]:
    for entry in (each.entry for each in unit_of_work.entries):
        if isinstance(entry, ActionRequested | TimerDue):
            yield entry.case_id
        elif isinstance(entry, EmergencyPortion):
            yield from entry.case_ids
        if isinstance(entry, ActionRequested) and entry.of_report:
            known = unit_of_work.known_outcomes.get(entry.of_report)
            if known is not None and known.case_id is not None:
                yield known.case_id


def _photos_of(entry: object) -> tuple[str, ...]:
    if isinstance(entry, PhotoStored):
        return (entry.ref,)
    return proof_of(entry) if isinstance(entry, ActionRequested) else ()


def _from_dead_letter(dead_letter: DeadLetter) -> DecodedRecord:
    record, reason, _ = dead_letter
    return DecodedRecord(record, rejected_refusal(reason), None)


def _log_position(decoded: DecodedRecord) -> tuple[int, int]:
    return decoded.record.partition, decoded.record.offset


def _claimed_ids(entries: Sequence[DecodedRecord]) -> Iterator[str]:
    for each in entries:
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


def _reused_ids(entries: Sequence[DecodedRecord], known_outcomes: Mapping[str, KnownOutcome]) -> Iterator[str]:
    digests: dict[str, set[str]] = {}
    for entry in (each.entry for each in entries):
        if isinstance(entry, ReportReceived | ActionRequested):
            id_ = entry.report_id if isinstance(entry, ReportReceived) else entry.action_id
            digests.setdefault(id_, set()).add(entry.digest)
    for id_, id_digests in digests.items():
        known = known_outcomes.get(id_)
        if known is not None and known.digest is not None:
            id_digests.add(known.digest.hex())
        if len(id_digests) > 1:
            yield from (reuse_refusal_id(id_, digest) for digest in id_digests)
