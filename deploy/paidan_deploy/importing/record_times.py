"""Times of a record: when it was reported, what was promised, when it ended. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from paidan_contracts.city.import_mappings import ImportMapping
from paidan_contracts.wire import Timestamp

OnProblem = Callable[[int, str, str, str], None]
"""Called with line, column, problem and the value at fault."""

_TIMESTAMP: Final = TypeAdapter[datetime](Timestamp)
_END_OF_DAY: Final = time(23, 59, 59, 999999)


class RecordTimes:
    """Reads the time columns of rows by one mapping, and reports what is wrong with them."""

    def __init__(self, mapping: ImportMapping, now: datetime, on_problem: OnProblem) -> None:
        """Take the mapping; ``now`` is the time of the import, which no record's end can lie behind."""
        self._mapping = mapping
        self._zone = ZoneInfo(mapping.zone)
        self._now = now
        self._on_problem = on_problem

    def reported_at(self, line: int, cells: Mapping[str, str]) -> datetime | None:
        """Return when the record was reported; None for no time, or an unreadable one, which is listed."""
        column = self._mapping.columns.reported_at
        text = cells[column].strip()
        return self._parse(line, column, text, self._mapping.time_format) if text else None

    def promised_by(self, line: int, cells: Mapping[str, str], reported_at: datetime) -> datetime | None:
        """Return the end of the promised day, or the promised moment; None where the case gets no limit."""
        columns = self._mapping.columns
        column = columns.promised_at or columns.promised_on
        if column is None:
            return None
        text = cells[column].strip()
        if not text:
            self._on_problem(
                line, column, "has no promised day: the case gets no limit / 没有承诺日期：案件不设时限", ""
            )
            return None
        format_ = self._mapping.date_format or self._mapping.time_format
        promised = self._parse(line, column, text, format_, "; the case gets no limit / 案件不设时限")
        if promised is None:
            return None
        if columns.promised_at is None:
            promised = datetime.combine(promised.astimezone(self._zone).date(), _END_OF_DAY, self._zone)
        if promised < reported_at:
            self._on_problem(line, column, "is before the report / 早于上报", text)
        return promised

    def ended_at(
        self, line: int, at: tuple[str, ...], cells: Mapping[str, str], reported_at: datetime
    ) -> datetime | None:
        """Return the first usable time of these columns; None where no column has one. Unusable ones are listed."""
        for column in at:
            text = cells[column].strip()
            moment = self._parse(line, column, text, self._mapping.time_format) if text else None
            if moment is None:
                continue
            if moment > self._now:
                self._on_problem(
                    line, column, "is in the future, so it is no time of its end / 在将来，不能作结束时间", text
                )
                continue
            if moment < reported_at:
                self._on_problem(line, column, "is before the time of the report / 早于上报时间", text)
            return moment
        return None

    def _parse(self, line: int, column: str, text: str, format_: str, consequence: str = "") -> datetime | None:
        try:
            moment = datetime.strptime(text, format_)  # noqa: DTZ007  # a zone is added below
            return _TIMESTAMP.validate_python(moment if moment.tzinfo else moment.replace(tzinfo=self._zone))
        except ValidationError:
            self._on_problem(
                line,
                column,
                f"is out of the range of years 1990 to 2199 / 超出 1990 至 2199 年的范围{consequence}",
                text,
            )
        except (ValueError, OverflowError):
            self._on_problem(
                line, column, f"is not a time in the mapping's format / 不合映射的时间格式{consequence}", text
            )
        return None
