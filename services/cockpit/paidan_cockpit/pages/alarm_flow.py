"""How many alarms of machines came today, and what became of them: reports, or suppressed and why. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from paidan_cockpit.outcome_queries import SuppressedCount
from paidan_cockpit.pages.overview_counts import HourCount, hourly_totals
from paidan_contracts.city import City
from paidan_contracts.wire import SCREENED_CHANNELS

_BAR_HEIGHT: Final = 40


@dataclass(frozen=True, slots=True)
class MachineDay:
    """What a camera platform or a group of sensors sent today: alarms that became reports, and the others by reason."""

    source: str
    reports: int = 0
    suppressed_by: Mapping[str, int] = field(default_factory=dict)

    @property
    def suppressed(self) -> int:
        """Alarms that became no report."""
        return sum(self.suppressed_by.values())

    @property
    def alarms(self) -> int:
        """All alarms of which it is decided what becomes of them."""
        return self.reports + self.suppressed


@dataclass(frozen=True, slots=True)
class AlarmHour:
    """An hour's alarms, and how high its two bars are."""

    hour: int
    reports: int
    suppressed: int
    report_height: float
    suppressed_height: float


@dataclass(frozen=True, slots=True)
class AlarmFlow:
    """The alarms of a day, by source and by hour."""

    days: Sequence[MachineDay]
    hours: Sequence[AlarmHour]

    @property
    def total(self) -> MachineDay:
        """All sources together."""
        reasons: Counter[str] = Counter()
        for day in self.days:
            reasons.update(day.suppressed_by)
        return MachineDay("", sum(day.reports for day in self.days), dict(reasons.most_common()))


def alarm_flow(reports: Iterable[HourCount], suppressed: Iterable[SuppressedCount], city: City) -> AlarmFlow:
    """Return what became of the alarms of a city's machines, from their reports and from what was suppressed."""
    machines = [source.id for source in city.sources.values() if source.kind in SCREENED_CHANNELS]
    suppressed = list(suppressed)
    reports = [count for count in reports if count.source in machines]
    return AlarmFlow(list(_days(machines, reports, suppressed)), _hours(reports, suppressed))


def _days(
    machines: Sequence[str], reports: Sequence[HourCount], suppressed: Sequence[SuppressedCount]
) -> Iterable[MachineDay]:
    for source in dict.fromkeys([*machines, *(count.source for count in suppressed)]):
        reasons: Counter[str] = Counter()
        for count in suppressed:
            if count.source == source:
                reasons[count.reason] += count.alarms
        yield MachineDay(
            source, sum(count.cases for count in reports if count.source == source), dict(reasons.most_common())
        )


def _hours(reports: Sequence[HourCount], suppressed: Sequence[SuppressedCount]) -> list[AlarmHour]:
    reported = hourly_totals(reports)
    screened = hourly_totals(HourCount(count.source, count.hour, count.alarms) for count in suppressed)
    most = max(1, *(sum(pair) for pair in zip(reported, screened, strict=True)))
    scale = _BAR_HEIGHT / most
    return [
        AlarmHour(hour, *pair, *(round(number * scale, 2) for number in pair))
        for hour, pair in enumerate(zip(reported, screened, strict=True))
    ]
