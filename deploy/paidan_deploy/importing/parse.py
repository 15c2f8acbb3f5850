"""Parses rows of a file by a mapping of a city pack. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar, get_args

from pydantic import StringConstraints

from paidan_contracts.city.import_mappings import ImportMapping, MappedStatus, StatusMapping
from paidan_contracts.wire import ShortText, Text
from paidan_deploy.importing.csv_rows import CsvLayout, CsvTable
from paidan_deploy.importing.record_ids import is_scientific, zero_filled
from paidan_deploy.importing.record_times import RecordTimes
from paidan_deploy.importing.rows import ImportRow, KnownCodes, RowWarning

T = TypeVar("T")


def _max_length(annotated_type: object) -> int:
    [limits] = [each for each in get_args(annotated_type) if isinstance(each, StringConstraints)]
    if limits.max_length is None:
        raise TypeError(f"{annotated_type} has no maximum length")
    return limits.max_length


_EMPTY: Final = "is empty / 为空"
_MAX_SHORT_TEXT: Final = _max_length(ShortText)
_ROUNDED: Final = (
    "row skipped: a spreadsheet has rounded its id; export the column as text"
    " / 跳过该行：编号被电子表格舍入，请将该列按文本导出"
)
_NO_END_TIME: Final = (
    "has ended at no usable time: at that of its report, without a limit / 没有可用的结束时间：按其上报时间，不设时限"
)
_MAX_TEXT: Final = _max_length(Text)


class RowParser:
    """Parses rows by one mapping, and collects warnings."""

    def __init__(self, mapping: ImportMapping, codes: KnownCodes, now: datetime) -> None:
        """Take the mapping, the codes of its city, and the time of the import."""
        self._mapping = mapping
        self._times = RecordTimes(mapping, now, self._warn)
        self._codes = codes
        self._categories = {kind.value: kind for kind in mapping.categories}
        self._owners = {owner.value: owner.department for owner in mapping.owners}
        self._sources = {source.value: source.source for source in mapping.sources}
        self._statuses = {status.value: status for status in mapping.statuses}
        self.warnings: list[RowWarning] = []
        self.skipped = 0
        self.repeated = 0
        self._first_rows: dict[tuple[str, str], ImportRow] = {}

    def parse_file(self, file: Path) -> Iterator[ImportRow]:
        """Parse a file; see ``parse``."""
        # One undecodable byte must not cost the other rows.
        with file.open(encoding=self._mapping.encoding, errors="surrogateescape", newline="") as lines:
            yield from self.parse(lines)

    def parse(self, lines: Iterable[str]) -> Iterator[ImportRow]:
        """Yield every row that has an id of its own and a time; others get a warning and count in ``skipped``.

        A row that equals an earlier one gets a warning and counts in ``repeated``.

        Raises ``UnreadableFile`` when the header lacks a column of the mapping, or has one twice.
        """
        csv_table = CsvTable(lines, self._layout(), self._warn)
        for line, cells in csv_table:
            row = self._parse_row(line, cells)
            if row is None:
                self.skipped += 1
            elif self._accept_first(row):
                yield row
        self.skipped += csv_table.skipped

    def without_rounded_ids(self, rows: list[ImportRow]) -> list[ImportRow]:
        """Return the rows but those whose long ids all end in zeros, which are listed and count in ``skipped``."""
        rounded = zero_filled(row.ref for row in rows)
        for row in rows:
            if row.ref in rounded:
                self.skipped += 1
                self._warn(row.line, self._mapping.columns.id, _ROUNDED, row.ref)
        return [row for row in rows if row.ref not in rounded]

    def _accept_first(self, row: ImportRow) -> bool:
        # Actions find their case by source and id alone: those of a second row would act on the first row's case.
        first = self._first_rows.setdefault((row.source, row.ref), row)
        if first is row:
            return True
        if replace(row, line=first.line) == first:
            self.repeated += 1
            problem = f"same record as line {first.line} / 与第 {first.line} 行是同一记录"
        else:
            self.skipped += 1
            problem = (
                f"row skipped: line {first.line} has this id and differs"
                f" / 跳过该行：第 {first.line} 行编号相同而内容不同"
            )
        self._warn(row.line, self._mapping.columns.id, problem, row.ref)
        return False

    def _layout(self) -> CsvLayout:
        mapping = self._mapping
        required = {name for name in mapping.columns.model_dump().values() if name}
        required.update(column for status in mapping.statuses for column in status.at)
        expected = (
            f"the mapping expects {mapping.encoding} text with '{mapping.delimiter}' between its cells"
            f" 映射要求 {mapping.encoding} 文本，单元格以 '{mapping.delimiter}' 分隔"
        )
        return CsvLayout(mapping.delimiter, mapping.header_line, frozenset(required), expected)

    def _parse_row(self, line: int, cells: Mapping[str, str]) -> ImportRow | None:
        columns = self._mapping.columns
        ref = cells[columns.id].strip()
        if is_scientific(ref):
            self._warn(line, columns.id, _ROUNDED, ref)
            return None
        reported_at = self._times.reported_at(line, cells)
        if not ref or reported_at is None:
            problem = "row skipped: it has no id or no time / 跳过该行：没有编号或时间"
            self._warn(line, columns.id if not ref else columns.reported_at, problem)
            return None
        category = self._lookup(line, columns.category, cells, self._categories)
        promised_by = self._times.promised_by(line, cells, reported_at)
        becomes, ended_at = self._parse_end(line, cells, reported_at)
        if becomes != "open" and ended_at is None:
            ended_at, promised_by = reported_at, None
            self._warn(line, columns.status, _NO_END_TIME)
        latitude, longitude = self._parse_position(line, cells)
        return ImportRow(
            line=line,
            ref=ref,
            reported_at=reported_at,
            source=self._lookup(line, columns.source, cells, self._sources) or self._mapping.default_source,
            category=self._truncate(line, columns.category, cells[columns.category], _MAX_SHORT_TEXT),
            class_code=None if category is None else category.class_code,
            condition=None if category is None else category.condition,
            owner=self._lookup(line, columns.owner, cells, self._owners),
            promised_by=promised_by,
            latitude=latitude,
            longitude=longitude,
            crs=self._mapping.crs,
            district=self._parse_district(line, cells),
            address=self._truncate(line, columns.address, self._cell(columns.address, cells), _MAX_SHORT_TEXT) or None,
            text=self._truncate(line, columns.text, self._cell(columns.text, cells), _MAX_TEXT),
            becomes=becomes,
            ended_at=ended_at,
        )

    def _warn(self, line: int, column: str, problem: str, value: str = "") -> None:
        self.warnings.append(RowWarning(line, column, problem, value[:60]))

    @staticmethod
    def _cell(column: str | None, cells: Mapping[str, str]) -> str:
        return cells[column].strip() if column else ""

    def _truncate(self, line: int, column: str | None, value: str, max_length: int) -> str:
        # One field that is too long must not cost the whole report.
        if column is not None and len(value) > max_length:
            self._warn(
                line,
                column,
                f"is longer than {max_length} characters: truncated / 超过 {max_length} 个字符：已截短",
                value,
            )
        return value[:max_length]

    def _lookup(self, line: int, column: str | None, cells: Mapping[str, str], table: Mapping[str, T]) -> T | None:
        value = self._cell(column, cells)
        if column is None:
            return None
        if value not in table:
            self._warn(line, column, "has an unknown value / 值未知" if value else _EMPTY, value)
        return table.get(value)

    def _parse_position(self, line: int, cells: Mapping[str, str]) -> tuple[float, float] | tuple[None, None]:
        columns = self._mapping.columns
        latitude, longitude = self._cell(columns.latitude, cells), self._cell(columns.longitude, cells)
        if columns.latitude is None:
            return None, None
        try:
            position = float(latitude), float(longitude)
        except ValueError:
            self._warn(line, columns.latitude, "is not a position / 不是位置", latitude)
            return None, None
        if not (-90 <= position[0] <= 90 and -180 <= position[1] <= 180):
            self._warn(line, columns.latitude, "is outside the range of coordinates / 超出坐标范围", latitude)
            return None, None
        if position == (0, 0):
            self._warn(line, columns.latitude, "is 0/0, which is no position / 为 0/0，不是位置")
            return None, None
        return position

    def _parse_district(self, line: int, cells: Mapping[str, str]) -> str | None:
        column = self._mapping.columns.district
        value = self._cell(column, cells)
        if column is None or value in self._codes.districts:
            return value or None
        self._warn(line, column, "has an unknown district / 区未知" if value else _EMPTY, value)
        return None

    def _parse_end(
        self, line: int, cells: Mapping[str, str], reported_at: datetime
    ) -> tuple[MappedStatus, datetime | None]:
        column = self._mapping.columns.status
        status: StatusMapping | None = self._lookup(line, column, cells, self._statuses)
        if status is None or status.becomes == "open":
            return "open", None
        if not any(self._cell(name, cells) for name in status.at):
            self._warn(
                line,
                column,
                "has ended, but has no end time: imported as open / 已结束而无结束时间：按未结导入",
                status.value,
            )
            return "open", None
        return status.becomes, self._times.ended_at(line, status.at, cells, reported_at)
