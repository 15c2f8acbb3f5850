"""The handler of alarms, which are screened; that of the status of reports is in ``status_projection``."""

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from paidan_chassis.consumer.batch import Batch, Record
from paidan_contracts.city import City
from paidan_contracts.city.class_overrides import effective_screening
from paidan_contracts.topics import ALARMS, ALARMS_PREFIX
from paidan_contracts.wire import SCREENED_CHANNELS
from paidan_intake import alarms, queries, vault
from paidan_intake.alarm_input import AlarmRecord
from paidan_intake.alarms import NormalizedAlarm
from paidan_intake.city_packs import PackCache
from paidan_intake.decode import InvalidAlarm, decode_alarm
from paidan_intake.messages import outcome_message, report_message
from paidan_intake.report_digest import KnownReport
from paidan_intake.screening import AlarmSubject, BecomesReport, Sighting, Suppressed, Verdict, screen
from paidan_intake.vault import NewVaultEntry

RecordTime: TypeAlias = Callable[[Record], datetime]
"""Returns the city time at which a record was appended."""
NormalizedRecord: TypeAlias = tuple[Record, NormalizedAlarm]


class AlarmsHandler:
    """Screens alarms: each becomes a report or an outcome. It caches nothing."""

    def __init__(
        self,
        packs: PackCache,
        record_time: RecordTime,
        count: Callable[[str, int], None],
        heard: MutableMapping[str, datetime],
    ) -> None:
        self._packs = packs
        self._heard = heard
        self._record_time = record_time
        self._count = count

    async def apply(self, batch: Batch) -> None:
        """Screen each alarm, in the order of the log, within the batch's transaction."""
        decoded = [(record, alarm) for record in batch.records if (alarm := await self._decode(batch, record))]
        if any(isinstance(_resolve_city(alarm, self._packs.current), str) for _, alarm in decoded):
            await self._packs.refresh()  # its pack may have been published since the last poll
        normalized_records = [found for record, alarm in decoded if (found := self._normalize(batch, record, alarm))]
        normalized_records = await self._refuse_unknown_photos(batch, normalized_records)
        known = await vault.load_known_reports(
            batch.conn, {normalized.report_id for _, normalized in normalized_records}
        )
        new_records = [
            (record, normalized)
            for record, normalized in normalized_records
            if self._register_id(batch, record, normalized, known)
        ]
        if not new_records:
            return
        sightings = await queries.load_sightings(batch.conn, {normalized.subject for _, normalized in new_records})
        outcome_counts: Counter[str] = Counter()
        for record, normalized in new_records:
            self._heard[normalized.alarm.source] = self._record_time(record)
            await batch.pause()
            outcome_counts[self._screen(batch, record, normalized, sightings)] += 1
        await vault.save_new_reports(
            batch.conn, [_vault_entry(normalized, self._record_time(record)) for record, normalized in new_records]
        )
        await queries.save_sightings(batch.conn, sightings)
        for outcome, count in outcome_counts.items():
            self._count(outcome, count)

    def clear_cache(self) -> None:
        """Do nothing: no state is cached."""

    async def _decode(self, batch: Batch, record: Record) -> AlarmRecord | None:
        """Return a valid alarm; refuse one with an invalid field by name, as the HTTP route does, and return None."""
        await batch.pause()
        alarm = decode_alarm(batch, record)
        if isinstance(alarm, InvalidAlarm):
            self._refuse(batch, record, alarm)
            return None
        return alarm

    def _refuse(self, batch: Batch, record: Record, invalid: InvalidAlarm) -> None:
        outcome = alarms.invalid_alarm_outcome(
            invalid.refusal,
            source=invalid.source,
            alarm_ref=invalid.alarm_ref,
            digest=invalid.digest,
            decided_at=self._record_time(record),
        )
        batch.emit(record, outcome_message(outcome))
        self._count("alarm_invalid", 1)

    async def _refuse_unknown_photos(
        self, batch: Batch, normalized_records: Sequence[NormalizedRecord]
    ) -> list[NormalizedRecord]:
        refs: dict[str, set[str]] = {}
        for _, normalized in normalized_records:
            if normalized.alarm.photos:
                refs.setdefault(normalized.alarm.source, set()).update(normalized.alarm.photos)
        missing = {
            source: await queries.find_missing_photos(batch.conn, each, holders=[f"source:{source}"])
            for source, each in refs.items()
        }
        accepted: list[NormalizedRecord] = []
        for record, normalized in normalized_records:
            alarm = normalized.alarm
            if missing and missing.get(alarm.source, set()) & set(alarm.photos):
                digest = sha256(record.value or b"").hexdigest()
                invalid = InvalidAlarm(alarms.unknown_photo_refusal(), alarm.source, alarm.alarm_ref, digest)
                self._refuse(batch, record, invalid)
            else:
                accepted.append((record, normalized))
        return accepted

    def _normalize(self, batch: Batch, record: Record, alarm: AlarmRecord) -> NormalizedRecord | None:
        city = _resolve_city(alarm, self._packs.current)
        if _speaks_for_another(record, alarm, city):
            batch.emit(record, outcome_message(alarms.not_your_source_outcome(alarm, self._record_time(record))))
            return None
        if isinstance(city, str):
            batch.emit(record, outcome_message(alarms.unknown_origin_outcome(alarm, city, self._record_time(record))))
            return None
        return record, alarms.normalize_alarm(alarm.to_event(alarm.source, city), city)

    def _register_id(
        self, batch: Batch, record: Record, normalized: NormalizedAlarm, known: dict[str, KnownReport]
    ) -> bool:
        """Return whether an alarm is the first under its id, and add it to ``known``; refuse one with other content."""
        first = known.get(normalized.report_id)
        if first is None:
            known[normalized.report_id] = KnownReport(
                normalized.digest.value, None, normalized.geocoded.area, self._record_time(record)
            )
            return True
        if not normalized.digest.matches(first.digest, first.digest_key):
            batch.emit(record, outcome_message(alarms.id_reused_outcome(normalized, self._record_time(record))))
        return False

    def _screen(
        self, batch: Batch, record: Record, normalized: NormalizedAlarm, sightings: dict[AlarmSubject, Sighting]
    ) -> str:
        recorded_at = self._record_time(record)
        verdict, sighting = _decide_verdict(normalized, sightings.get(normalized.subject, ()), recorded_at)
        if sighting:
            sightings[normalized.subject] = sighting
        match verdict:
            case BecomesReport(verify_first):
                report = alarms.build_report(normalized, recorded_at, verify_first=verify_first)
                batch.emit(record, report_message(report))
                return "alarm_reported"
            case Suppressed(reason):
                batch.emit(record, outcome_message(alarms.suppressed_outcome(normalized, reason, recorded_at)))
                return reason


def _decide_verdict(normalized: NormalizedAlarm, previous: Sighting, recorded_at: datetime) -> tuple[Verdict, Sighting]:
    if normalized.classified.is_ignored:
        return Suppressed("alarm_ignored"), previous
    terms = effective_screening(normalized.city.screening, normalized.classified.class_code)
    return screen(normalized.seen_at(recorded_at), normalized.alarm.confidence, previous, terms)


def _vault_entry(normalized: NormalizedAlarm, recorded_at: datetime) -> NewVaultEntry:
    alarm = normalized.alarm
    return NewVaultEntry(
        normalized.report_id,
        alarm.source,
        alarm.alarm_ref,
        normalized.city.id,
        normalized.geocoded.area,
        normalized.digest.value,
        recorded_at,
    )


def _resolve_city(alarm: AlarmRecord, current: Mapping[str, City]) -> City | str:
    """Return the alarm's city, or the name of the field that does not determine one."""
    if alarm.city is not None and alarm.city not in current:
        return "city"
    candidates = [current[alarm.city]] if alarm.city else list(current.values())
    found = [city for city in candidates if _has_screened_source(city, alarm.source)]
    if len(found) > 1:
        return "city"
    return found[0] if found else "source"


def _speaks_for_another(record: Record, alarm: AlarmRecord, city: City | str) -> bool:
    """Return whether the topic does not prove the source: another source's, or that of all where the pack closes it."""
    if record.topic != ALARMS.name:
        return alarm.source != record.topic.removeprefix(ALARMS_PREFIX)
    return not isinstance(city, str) and city.sources[alarm.source].own_topic is True


def _has_screened_source(city: City, source: str) -> bool:
    return source in city.sources and city.sources[source].kind in SCREENED_CHANNELS
