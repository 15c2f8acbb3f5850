"""Handlers of intake's two consumers: alarms, which are screened, and the status of reports."""

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from typing import Final, TypeAlias

from paidan_chassis.consumer.batch import Batch, Record
from paidan_contracts.city import City
from paidan_contracts.city.class_overrides import effective_screening
from paidan_contracts.outcomes import OutcomeDecided, ReportReplied
from paidan_contracts.reports import AlarmRaised
from paidan_contracts.topics import ALARMS, ALARMS_PREFIX, OUTCOMES
from paidan_contracts.wire import SCREENED_CHANNELS
from paidan_intake import alarms, queries, vault
from paidan_intake.alarms import NormalizedAlarm
from paidan_intake.city_packs import PackCache
from paidan_intake.decode import decode
from paidan_intake.messages import outcome_message, report_message
from paidan_intake.queries import ReportOutcome
from paidan_intake.report_digest import KnownReport
from paidan_intake.report_status import CaseStatus, PartialCaseEvent, status_of
from paidan_intake.screening import AlarmSubject, BecomesReport, Sighting, Suppressed, Verdict, screen
from paidan_intake.vault import NewVaultEntry

RecordTime: TypeAlias = Callable[[Record], datetime]
"""Returns the city time at which a record was appended."""
NormalizedRecord: TypeAlias = tuple[Record, NormalizedAlarm]
_REPLIED_TYPE: Final[bytes] = ReportReplied.model_fields["type"].default.encode()


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
        decoded = [(record, alarm) for record in batch.records if (alarm := await _decode_in_turn(batch, record))]
        if any(isinstance(_resolve_city(alarm, self._packs.current), str) for _, alarm in decoded):
            await self._packs.refresh()  # its pack may have been published since the last poll
        normalized_records = [found for record, alarm in decoded if (found := self._normalize(batch, record, alarm))]
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

    def _normalize(self, batch: Batch, record: Record, alarm: AlarmRaised) -> NormalizedRecord | None:
        city = _resolve_city(alarm, self._packs.current)
        if _speaks_for_another(record, alarm, city):
            batch.emit(record, outcome_message(alarms.not_your_source_outcome(alarm, self._record_time(record))))
            return None
        if isinstance(city, str):
            batch.emit(record, outcome_message(alarms.unknown_origin_outcome(alarm, city, self._record_time(record))))
            return None
        return record, alarms.normalize_alarm(alarm, city)

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
        verdict, sighting = _decide_verdict(normalized, sightings.get(normalized.subject), recorded_at)
        if sighting is not None:
            sightings[normalized.subject] = sighting
        match verdict:
            case BecomesReport(verify_first):
                report = alarms.build_report(normalized, recorded_at, verify_first=verify_first)
                batch.emit(record, report_message(report))
                return "alarm_reported"
            case Suppressed(reason):
                batch.emit(record, outcome_message(alarms.suppressed_outcome(normalized, reason, recorded_at)))
                return reason


class StatusProjection:
    """Projects outcomes and cases onto the status of reports. It publishes nothing."""

    async def apply(self, batch: Batch) -> None:
        """Store the latest outcome of each report and status of each case, within the batch's transaction."""
        outcomes: dict[str, ReportOutcome] = {}
        replies: dict[str, ReportReplied] = {}
        statuses: dict[str, CaseStatus] = {}
        for record in batch.records:
            await batch.pause()
            if record.topic == OUTCOMES.name and _event_type(record) == _REPLIED_TYPE:
                _collect_reply(replies, decode(batch, record, ReportReplied))
            elif record.topic == OUTCOMES.name:
                _collect_outcome(outcomes, decode(batch, record, OutcomeDecided))
            else:
                _collect_status(statuses, decode(batch, record, PartialCaseEvent))
        if outcomes:
            await queries.save_outcomes(batch.conn, list(outcomes.values()))
        if replies:
            await queries.save_replies(batch.conn, replies.values())
        if statuses:
            await queries.save_statuses(batch.conn, list(statuses.values()))

    def clear_cache(self) -> None:
        """Do nothing: no state is cached."""


async def _decode_in_turn(batch: Batch, record: Record) -> AlarmRaised | None:
    await batch.pause()
    return decode(batch, record, AlarmRaised)


def _event_type(record: Record) -> bytes | None:
    return next((value for name, value in record.headers if name == "ce_type"), None)


def _collect_outcome(outcomes: dict[str, ReportOutcome], outcome: OutcomeDecided | None) -> None:
    if outcome is None or outcome.about != "report":
        return
    previous = outcomes.get(outcome.id)
    if previous is not None and previous.result != "dead_lettered":
        return
    refusal = outcome.why
    outcomes[outcome.id] = ReportOutcome(
        outcome.id,
        outcome.result,
        refusal.code if refusal else outcome.rule,
        refusal.message if refusal else None,
        refusal.message_zh if refusal else None,
        outcome.case_id,
        outcome.decided_at,
    )


def _collect_reply(replies: dict[str, ReportReplied], reply: ReportReplied | None) -> None:
    if reply is None:
        return
    previous = replies.get(reply.report_id)
    if previous is None or previous.replied_at <= reply.replied_at:
        replies[reply.report_id] = reply


def _collect_status(statuses: dict[str, CaseStatus], event: PartialCaseEvent | None) -> None:
    if event is None:
        return
    status, previous = status_of(event), statuses.get(event.case_id)
    if previous is None or previous.version < status.version:
        statuses[event.case_id] = status


def _decide_verdict(
    normalized: NormalizedAlarm, previous: Sighting | None, recorded_at: datetime
) -> tuple[Verdict, Sighting | None]:
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


def _resolve_city(alarm: AlarmRaised, current: Mapping[str, City]) -> City | str:
    """Return the alarm's city, or the name of the field that does not determine one."""
    if alarm.city is not None and alarm.city not in current:
        return "city"
    candidates = [current[alarm.city]] if alarm.city else list(current.values())
    found = [city for city in candidates if _has_screened_source(city, alarm.source)]
    if len(found) > 1:
        return "city"
    return found[0] if found else "source"


def _speaks_for_another(record: Record, alarm: AlarmRaised, city: City | str) -> bool:
    """Return whether the topic does not prove the source: another source's, or that of all where the pack closes it."""
    if record.topic != ALARMS.name:
        return alarm.source != record.topic.removeprefix(ALARMS_PREFIX)
    return not isinstance(city, str) and city.sources[alarm.source].own_topic is True


def _has_screened_source(city: City, source: str) -> bool:
    return source in city.sources and city.sources[source].kind in SCREENED_CHANNELS
