"""Reads rows of a file as a pack's mapping says: pure, so that a city can try its mapping without a server."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Final, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import StringConstraints, TypeAdapter, ValidationError

from paidan_contracts.city.import_mapping import Becomes, ImportMapping, Status
from paidan_contracts.wire import Line, Moment, Text

from .csv_rows import Table, Unreadable
from .rows import Known, Remark, Row

T = TypeVar("T")


def _longest(text: object) -> int:
    [limits] = [each for each in get_args(text) if isinstance(each, StringConstraints)]
    if limits.max_length is None:
        raise TypeError(f"{text} has no longest length")
    return limits.max_length


def _can_be_said(moment: datetime) -> bool:
    try:
        _MOMENT.validate_python(moment)
    except ValidationError:
        return False
    return True


_LINE: Final = _longest(Line)
_TEXT: Final = _longest(Text)
_MOMENT: Final = TypeAdapter[datetime](Moment)
_END_OF_DAY: Final = time(23, 59, 59, 999999)


class Reader:
    """Reads rows by one mapping, and remembers what it had to remark."""

    def __init__(self, mapping: ImportMapping, known: Known) -> None:
        self._mapping = mapping
        self._known = known
        self._zone = ZoneInfo(mapping.zone)
        self._kinds = {kind.value: kind for kind in mapping.categories}
        self._owners = {owner.value: owner.department for owner in mapping.owners}
        self._sources = {source.value: source.source for source in mapping.sources}
        self._statuses = {status.value: status for status in mapping.statuses}
        self.remarks: list[Remark] = []
        self.untaken = 0
        self.repeated = 0
        self._first: dict[tuple[str, str], Row] = {}

    def of(self, file: Path) -> Iterator[Row]:
        """Read a file as ``rows`` does."""
        # One byte that the encoding does not have must not cost the other rows.
        with file.open(encoding=self._mapping.encoding, errors="surrogateescape", newline="") as lines:
            yield from self.rows(lines)

    def rows(self, lines: Iterable[str]) -> Iterator[Row]:
        """Read every row that has an id of its own and a time; others are remarked on and counted in ``untaken``.

        A row that says nothing but what an earlier one said is remarked on too, and counted in ``repeated``.

        Raises ``Unreadable`` when the file's first line lacks a column that the mapping names.
        """
        table = Table(lines, self._mapping.delimiter, self._remark)
        self._must_have_columns(table.names)
        for line, cells in table:
            row = self._row(line, cells)
            if row is None:
                self.untaken += 1
            elif self._is_first(row):
                yield row
        self.untaken += table.untaken

    def _is_first(self, row: Row) -> bool:
        # Steps find their case by source and id alone: those of a second row would act on the first one's.
        first = self._first.setdefault((row.source, row.ref), row)
        if first is row:
            return True
        if replace(row, line=first.line) == first:
            self.repeated += 1
            problem = f"same record as line {first.line}"
        else:
            self.untaken += 1
            problem = f"row not taken: line {first.line} has this id and says otherwise"
        self._remark(row.line, self._mapping.columns.id, problem, row.ref)
        return False

    def _must_have_columns(self, names: Iterable[str]) -> None:
        have = set(names)
        named = [name for name in self._mapping.columns.model_dump().values() if name]
        named += [column for status in self._mapping.statuses for column in status.at]
        if missing := sorted(set(named) - have):
            form = f"{self._mapping.encoding} text with '{self._mapping.delimiter}' between its cells"
            raise Unreadable(f"line 1: there is no column {', '.join(missing)}; the mapping is for {form}")

    def _row(self, line: int, cells: Mapping[str, str]) -> Row | None:
        columns = self._mapping.columns
        ref = cells[columns.id].strip()
        reported_at = self._moment(line, columns.reported_at, cells)
        if not ref or reported_at is None:
            self._remark(line, columns.id if not ref else columns.reported_at, "row not taken: it has no id or no time")
            return None
        kind = self._looked_up(line, columns.category, cells, self._kinds)
        becomes, ended_at = self._end(line, cells, reported_at)
        latitude, longitude = self._position(line, cells)
        return Row(
            line=line,
            ref=ref,
            reported_at=reported_at,
            source=self._looked_up(line, columns.source, cells, self._sources) or self._mapping.default_source,
            category=self._cut(line, columns.category, cells[columns.category], _LINE),
            class_code=None if kind is None else kind.class_code,
            condition=None if kind is None else kind.condition,
            owner=self._looked_up(line, columns.owner, cells, self._owners),
            promised_by=self._promise(line, cells, reported_at),
            latitude=latitude,
            longitude=longitude,
            crs=self._mapping.crs,
            district=self._district(line, cells),
            address=self._cut(line, columns.address, self._cell(columns.address, cells), _LINE) or None,
            text=self._cut(line, columns.text, self._cell(columns.text, cells), _TEXT),
            becomes=becomes,
            ended_at=ended_at,
        )

    def _remark(self, line: int, column: str, problem: str, value: str = "") -> None:
        self.remarks.append(Remark(line, column, problem, value[:60]))

    @staticmethod
    def _cell(column: str | None, cells: Mapping[str, str]) -> str:
        return cells[column].strip() if column else ""

    def _cut(self, line: int, column: str | None, value: str, longest: int) -> str:
        # What a report cannot hold must not cost the whole of it.
        if column is not None and len(value) > longest:
            self._remark(line, column, f"is longer than {longest} characters: cut to them", value)
        return value[:longest]

    def _looked_up(self, line: int, column: str | None, cells: Mapping[str, str], table: Mapping[str, T]) -> T | None:
        value = self._cell(column, cells)
        if column is None:
            return None
        if value not in table:
            self._remark(line, column, "is empty" if not value else "nobody knows this value", value)
        return table.get(value)

    def _moment(self, line: int, column: str, cells: Mapping[str, str]) -> datetime | None:
        text = self._cell(column, cells)
        if not text:
            return None
        try:
            return datetime.strptime(text, self._mapping.time_format).replace(tzinfo=self._zone)
        except ValueError:
            self._remark(line, column, "cannot be read as a time", text)
            return None

    def _promise(self, line: int, cells: Mapping[str, str], reported_at: datetime) -> datetime | None:
        column = self._mapping.columns.promised_on
        text = self._cell(column, cells)
        if column is None or not text:
            if column is not None:
                self._remark(line, column, "no promised day: it has no limit")
            return None
        try:
            day = datetime.strptime(text, self._mapping.date_format or self._mapping.time_format).date()  # noqa: DTZ007  # a day has no zone yet
        except ValueError:
            self._remark(line, column, "cannot be read as a day: it has no limit", text)
            return None
        promised = self._end_of(day)
        if not _can_be_said(promised):
            self._remark(line, column, "no day that can be kept: it has no limit", text)
            return None
        if promised < reported_at:
            self._remark(line, column, "promised for a day before it was reported", text)
        return promised

    def _end_of(self, day: date) -> datetime:
        return datetime.combine(day, _END_OF_DAY, self._zone)

    def _position(self, line: int, cells: Mapping[str, str]) -> tuple[float, float] | tuple[None, None]:
        columns = self._mapping.columns
        latitude, longitude = self._cell(columns.latitude, cells), self._cell(columns.longitude, cells)
        if columns.latitude is None:
            return None, None
        try:
            found = float(latitude), float(longitude)
        except ValueError:
            self._remark(line, columns.latitude, "no position", latitude)
            return None, None
        if not (-90 <= found[0] <= 90 and -180 <= found[1] <= 180):
            self._remark(line, columns.latitude, "not a position on this earth", latitude)
            return None, None
        if found == (0, 0):
            self._remark(line, columns.latitude, "0/0 is no position")
            return None, None
        return found

    def _district(self, line: int, cells: Mapping[str, str]) -> str | None:
        column = self._mapping.columns.district
        value = self._cell(column, cells)
        if column is None or value in self._known.districts:
            return value or None
        self._remark(line, column, "no district" if not value else "nobody knows this district", value)
        return None

    def _end(self, line: int, cells: Mapping[str, str], reported_at: datetime) -> tuple[Becomes, datetime | None]:
        column = self._mapping.columns.status
        status: Status | None = self._looked_up(line, column, cells, self._statuses)
        if status is None or status.becomes == "open":
            return "open", None
        at = next((name for name in status.at if self._cell(name, cells)), None)
        ended_at = self._moment(line, at, cells) if at else None
        if ended_at is None:
            self._remark(line, column, "says that it ended, but not when: it stays open", status.value)
            return "open", None
        if ended_at < reported_at:
            self._remark(line, at or column, "ended before it was reported", cells[at or column])
        return status.becomes, ended_at
