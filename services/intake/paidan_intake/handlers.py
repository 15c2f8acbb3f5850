"""What intake hears: alarms, which it screens, and what became of reports. Thin; the decisions are elsewhere."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from paidan_chassis.consumer.batch import Work
from paidan_chassis.consumer.records import Record
from paidan_contracts.city import City
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.reports import AlarmRaised
from paidan_contracts.topics import OUTCOMES
from paidan_contracts.wire import SCREENED
from paidan_intake import alarms, queries
from paidan_intake.alarms import ReadAlarm
from paidan_intake.city_packs import Cities
from paidan_intake.messages import outcome_message, report_message
from paidan_intake.queries import Decided, Entry, Kept
from paidan_intake.report_status import CaseSeen, Standing, standing_of
from paidan_intake.screening import Report, Sighting, Subject, Suppress, Verdict, screen

M = TypeVar("M", bound=BaseModel)
Stamp: TypeAlias = Callable[[Record], datetime]
"""Tells the city's time at which a record was appended."""
Heard: TypeAlias = tuple[Record, ReadAlarm]


class Screening:
    """Turns alarms into reports or suppressed outcomes. All it remembers lies in the database."""

    def __init__(self, cities: Cities, stamp: Stamp, count: Callable[[str, int], None]) -> None:
        self._cities = cities
        self._stamp = stamp
        self._count = count

    async def apply(self, work: Work) -> None:
        """Judge each alarm in the order of the log. Runs inside the batch's one transaction."""
        raised = [(record, alarm) for record in work.records if (alarm := _parsed(work, record, AlarmRaised))]
        if any(isinstance(_city_of(alarm, self._cities.newest), str) for _, alarm in raised):
            await self._cities.reread()  # a camera may be quicker than our next look at a pack just published
        heard = [found for record, alarm in raised if (found := self._read(work, record, alarm))]
        known = await queries.known(work.conn, {read.report_id for _, read in heard})
        fresh = [(record, read) for record, read in heard if self._is_first(work, record, read, known)]
        if not fresh:
            return
        seen = await queries.sightings(work.conn, {read.subject for _, read in fresh})
        causes: Counter[str] = Counter()
        for record, read in fresh:
            causes[self._judge(work, record, read, seen)] += 1
        await queries.keep(work.conn, [_entry(read, self._stamp(record)) for record, read in fresh])
        await queries.remember(work.conn, seen)
        for cause, number in causes.items():
            self._count(cause, number)

    def forget(self) -> None:
        """Nothing is cached."""

    def _read(self, work: Work, record: Record, alarm: AlarmRaised) -> Heard | None:
        city = _city_of(alarm, self._cities.newest)
        if isinstance(city, str):
            work.emit(record, outcome_message(alarms.homeless(alarm, city, self._stamp(record))))
            return None
        return record, alarms.read_alarm(alarm, city)

    def _is_first(self, work: Work, record: Record, read: ReadAlarm, known: dict[str, Kept]) -> bool:
        """Drop a repeat, refuse another body under an id already used, and note the id for the rest of the batch."""
        before = known.get(read.report_id)
        if before is None:
            known[read.report_id] = Kept(read.digest, read.placed.area, self._stamp(record))
            return True
        if before.digest != read.digest:
            work.emit(record, outcome_message(alarms.reused(read, self._stamp(record))))
        return False

    def _judge(self, work: Work, record: Record, read: ReadAlarm, seen: dict[Subject, Sighting]) -> str:
        recorded_at = self._stamp(record)
        verdict, sighting = _verdict(read, seen.get(read.subject), recorded_at)
        if sighting is not None:
            seen[read.subject] = sighting
        match verdict:
            case Report(verify_first):
                report = alarms.reported(read, recorded_at, verify_first=verify_first)
                work.emit(record, report_message(report))
                return "alarm_reported"
            case Suppress(cause):
                work.emit(record, outcome_message(alarms.suppressed(read, cause, recorded_at)))
                return cause


class Following:
    """Keeps where every report stands, for whoever sent it. Says nothing itself."""

    async def apply(self, work: Work) -> None:
        """Store the newest of what was said of each report and case. Runs inside the batch's one transaction."""
        decided: dict[str, Decided] = {}
        standing: dict[str, Standing] = {}
        for record in work.records:
            if record.topic == OUTCOMES.name:
                _note_outcome(decided, _parsed(work, record, OutcomeDecided))
            else:
                _note_case(standing, _parsed(work, record, CaseSeen))
        if decided:
            await queries.decide(work.conn, list(decided.values()))
        if standing:
            await queries.stand(work.conn, list(standing.values()))

    def forget(self) -> None:
        """Nothing is cached."""


def _note_outcome(decided: dict[str, Decided], said: OutcomeDecided | None) -> None:
    if said is None or said.about != "report":
        return
    before = decided.get(said.id)
    if before is not None and before.result != "dead_lettered":
        return
    why = said.why
    decided[said.id] = Decided(
        said.id,
        said.result,
        why.code if why else None,
        why.message if why else None,
        why.message_zh if why else None,
        said.case_id,
        said.decided_at,
    )


def _note_case(standing: dict[str, Standing], said: CaseSeen | None) -> None:
    if said is None:
        return
    now, before = standing_of(said), standing.get(said.case_id)
    if before is None or before.version < now.version:
        standing[said.case_id] = now._replace(answer=now.answer or (before.answer if before else None))


def _verdict(read: ReadAlarm, before: Sighting | None, recorded_at: datetime) -> tuple[Verdict, Sighting | None]:
    if read.kind.ignored:
        return Suppress("alarm_ignored"), before
    terms = read.city.screen_terms(read.kind.class_code)
    return screen(read.seen_at(recorded_at), read.alarm.confidence, before, terms)


def _entry(read: ReadAlarm, recorded_at: datetime) -> Entry:
    alarm = read.alarm
    return Entry(
        read.report_id, alarm.source, alarm.alarm_ref, read.city.id, read.placed.area, read.digest, recorded_at
    )


def _city_of(alarm: AlarmRaised, newest: Mapping[str, City]) -> City | str:
    """Find the alarm's city, or name the field from which it cannot be told."""
    if alarm.city is not None and alarm.city not in newest:
        return "city"
    asked = [newest[alarm.city]] if alarm.city else list(newest.values())
    found = [city for city in asked if _takes_from(city, alarm.source)]
    if len(found) > 1:
        return "city"
    return found[0] if found else "source"


def _takes_from(city: City, source: str) -> bool:
    return source in city.sources and city.sources[source].kind in SCREENED


def _parsed(work: Work, record: Record, model: type[M]) -> M | None:
    """Read a record, or bury it: saying which field is at fault, and no value."""
    if record.value is None:
        work.bury(record, "null_value")
        return None
    try:
        return model.model_validate_json(record.value)
    except ValidationError as error:
        work.bury(record, "unreadable", _fault(error))
        return None


def _fault(error: ValidationError) -> str:
    found = [
        f"{'.'.join(map(str, each['loc']))}: {each['type']}"
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return "; ".join(found[:5])[:1000]
