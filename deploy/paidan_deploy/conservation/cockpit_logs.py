"""The counts and rates that the cockpit must hold, as far as it has read the logs of outcomes and scores. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from aiokafka.structs import ConsumerRecord
from pydantic import BaseModel, ConfigDict

from paidan_chassis.kafka.cloudevents import DecodeError, decode
from paidan_contracts import ids
from paidan_contracts.topics import OUTCOMES
from paidan_contracts.wire import Area, Code, Id, NonNegativeInt, PositiveInt, ShortText, Slug, Timestamp

_KEPT: Final = OUTCOMES.retention or timedelta(days=30)
_QUARTER: Final = timedelta(minutes=15)
_BEGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
_COUNTED: Final = re.compile(rb'"result"\s*:\s*"(?:suppressed|noted)"')


class LoggedNotedReport(NamedTuple):
    """A report that was noted, as the cockpit counts it."""

    city: str
    source: str
    recorded_at: datetime


class TallyKey(NamedTuple):
    """What suppressed alarms are counted by."""

    quarter: datetime
    city: str
    source: str
    reason: str


class TallyRow(NamedTuple):
    """How many alarms were suppressed, and when the last one."""

    alarms: int
    last_at: datetime


class LoggedScore(NamedTuple):
    """A rate of a whole city."""

    version: int
    city: str
    period: str
    indicator: str
    numerator: int
    denominator: int


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Why(_Part):
    code: Code


class _Outcome(_Part):
    id: Id
    result: Literal["suppressed", "noted"]
    why: _Why | None = None
    area: Area | None = None
    source: Slug | None = None
    recorded_at: Timestamp | None = None


class _Score(_Part):
    score_id: Id
    version: PositiveInt
    city: Slug
    period: ShortText
    by: str
    indicator: Code
    numerator: NonNegativeInt
    denominator: NonNegativeInt


@dataclass(slots=True)
class ShownOutcomes:
    """Noted reports and suppressed alarms: of several outcomes under one id the first counts, until it is too old."""

    shown_to: Mapping[int, int] = field(default_factory=dict)
    """By partition: the offset before which the cockpit has read every outcome."""
    is_complete: bool = True
    """Whether the log still has its first records; else the tables may hold more."""
    _alarms: dict[str, tuple[datetime, TallyKey]] = field(default_factory=dict)
    _noted: dict[str, tuple[datetime, LoggedNotedReport]] = field(default_factory=dict)
    _oldest: dict[str, datetime] = field(default_factory=dict)

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one outcome."""
        if record.offset >= self.shown_to.get(record.partition, 0) or not _COUNTED.search(record.value or b""):
            return
        outcome = decode(_Outcome.model_validate_json, record.value)
        if isinstance(outcome, DecodeError) or record.key != outcome.id.encode():
            return  # a dead letter
        if outcome.area is None or outcome.source is None or outcome.recorded_at is None:
            return
        at, city = outcome.recorded_at, ids.city_of(outcome.area)
        if outcome.result == "noted":
            if self._is_new("noted", self._noted.get(outcome.id), at):
                self._noted[outcome.id] = at, LoggedNotedReport(city, outcome.source, at)
        elif self._is_new("suppressed", self._alarms.get(outcome.id), at):
            reason = outcome.why.code if outcome.why else ""
            self._alarms[outcome.id] = at, TallyKey(_quarter_of(at), city, outcome.source, reason)

    @property
    def noted(self) -> dict[str, LoggedNotedReport]:
        """The noted reports that the cockpit must hold, by id."""
        oldest = self._oldest.get("noted")
        return {id_: report for id_, (at, report) in self._noted.items() if oldest is None or at >= oldest}

    @property
    def tallies(self) -> dict[TallyKey, TallyRow]:
        """The counts of suppressed alarms that the cockpit must hold."""
        found: dict[TallyKey, TallyRow] = {}
        for at, tally in self._kept_alarms():
            known = found.get(tally, TallyRow(0, at))
            found[tally] = TallyRow(known.alarms + 1, max(known.last_at, at))
        return found

    def _kept_alarms(self) -> Iterator[tuple[datetime, TallyKey]]:
        oldest = self._oldest.get("suppressed")
        yield from (each for each in self._alarms.values() if oldest is None or each[0] >= oldest)

    def _is_new(self, result: str, known: tuple[datetime, object] | None, at: datetime) -> bool:
        oldest = self._oldest.get(result)
        if oldest is not None and at < oldest:
            return False
        if known is not None and (oldest is None or known[0] >= oldest):
            return False
        self._oldest[result] = max(oldest or _quarter_of(at) - _KEPT, _quarter_of(at) - _KEPT)
        return True


@dataclass(slots=True)
class ShownScores:
    """Scores of whole cities, each by its highest version; what is newer than the cockpit has read stands apart."""

    shown_to: Mapping[int, int] = field(default_factory=dict)
    newest: dict[str, LoggedScore] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)
    """The newest versions that the cockpit has not read: for them the log may have dropped those before."""

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one score."""
        score = decode(_Score.model_validate_json, record.value)
        if isinstance(score, DecodeError) or record.key != score.score_id.encode() or score.by != "city":
            return
        if record.offset >= self.shown_to.get(record.partition, 0):
            self.later[score.score_id] = max(score.version, self.later.get(score.score_id, 0))
        elif score.score_id not in self.newest or self.newest[score.score_id].version < score.version:
            self.newest[score.score_id] = LoggedScore(
                score.version, score.city, score.period, score.indicator, score.numerator, score.denominator
            )


def _quarter_of(at: datetime) -> datetime:
    return at - (at - _BEGIN) % _QUARTER
