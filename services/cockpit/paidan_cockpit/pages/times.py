"""Times as people read them: local, relative, what is left in working hours. Pure, by the city's clock and calendar."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal

from babel.dates import format_timedelta
from babel.units import format_unit

from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations
from paidan_cockpit.working_time import working_time_between
from paidan_contracts.city import City

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CityTimes:
    """Formats times for one page."""

    zone: tzinfo
    now: datetime
    language: Language
    city: City | None = None

    def exact(self, at: datetime) -> str:
        """Return the local time."""
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    @property
    def zone_name(self) -> str:
        """The zone of these times, such as `UTC+08:00`."""
        offset = self.now.astimezone(self.zone).isoformat()[-6:]
        return "UTC" if offset == "+00:00" else f"UTC{offset}"

    def machine(self, at: datetime) -> str:
        """Return the time as programs read it."""
        return at.astimezone(self.zone).isoformat(timespec="seconds")

    def relative(self, at: datetime) -> str:
        """Return the time as seen from now, such as `3 hours ago`; seconds of what is less than a minute away."""
        length = at - self.now
        unit: Literal["second", "minute"] = "second" if abs(length) < _MINUTE else "minute"
        return format_timedelta(length, unit, add_direction=True, locale=self.language, threshold=1.2)

    def duration(self, length: timedelta) -> str:
        """Return a length of time such as `2 hours`, at least a minute."""
        return format_timedelta(max(length, _MINUTE), granularity="minute", locale=self.language, threshold=1.2)

    def lag(self, seconds: float) -> str:
        """Return by how much something is behind: seconds with a decimal, from a minute on as any length of time."""
        if seconds >= _MINUTE.total_seconds():
            return self.duration(timedelta(seconds=seconds))
        return format_unit(round(seconds, 1), "duration-second", "short", format="0.0", locale=self.language)

    def working_time_left(self, due: datetime) -> str | None:
        """Return the working time until a due time; None where there is none, or no calendar."""
        left = working_time_between(self.city.calendar, self.now, due) if self.city and due > self.now else None
        return self._in_working_days(left) if left else None

    def _in_working_days(self, left: timedelta) -> str:
        assert self.city is not None  # noqa: S101 - there is a calendar
        days, rest = divmod(left, self.city.calendar.hours_per_day)
        hours, minutes = divmod(rest, _HOUR)
        texts = translations(self.language)
        whole_days, whole_hours, whole_minutes = int(days), int(hours), int(minutes // _MINUTE)
        parts = [
            texts.ngettext("%(num)s working day", "%(num)s working days", whole_days) % {"num": whole_days}
            if days
            else "",
            texts.ngettext("%(num)s working hour", "%(num)s working hours", whole_hours) % {"num": whole_hours}
            if hours
            else "",
            texts.ngettext("%(num)s working minute", "%(num)s working minutes", whole_minutes) % {"num": whole_minutes}
            if not days and not hours
            else "",
        ]
        return " ".join(filter(None, parts))
