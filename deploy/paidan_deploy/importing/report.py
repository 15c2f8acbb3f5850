"""What an import tells a person: how much was taken, what was refused, what was odd, each by its line in the file."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from paidan_deploy.importing.rows import RowWarning
from paidan_deploy.importing.send import RefusedRequest


@dataclass(frozen=True, slots=True)
class MergedRow:
    """A record that was found to be about the same thing as an earlier one."""

    line: int
    case_id: str
    case_line: int | None
    """The line of the record that opened the case; None: it is of another file."""


@dataclass(slots=True)
class ImportReport:
    """The whole result; ``results`` counts outcomes by kind of step and result, such as ``report opened``."""

    file: str
    city: str
    mapping: str
    rows: int = 0
    untaken: int = 0
    repeated: int = 0
    """Rows that say again what an earlier one said."""
    results: Counter[str] = field(default_factory=Counter)
    refusals: list[RefusedRequest] = field(default_factory=list)
    merged: list[MergedRow] = field(default_factory=list)
    remarks: list[RowWarning] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Keep the whole of it, every line listed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**asdict(self), "results": dict(sorted(self.results.items()))}, ensure_ascii=False, indent=1)
        path.write_text(text + "\n", encoding="utf-8")

    def summary(self, max_lines: int = 12) -> Iterator[str]:
        """Give the lines for a terminal: totals, then each kind of oddity with its first line numbers."""
        repeats = f", {self.repeated} said again what an earlier one says" if self.repeated else ""
        yield f"{self.rows} rows read, {self.untaken} could not be taken{repeats}"
        yield from (f"  {count:>6}  {what}" for what, count in sorted(self.results.items()))
        for title, groups in (("refused", self._refusals_by_reason()), ("remarked", self._warnings_by_problem())):
            for what, lines in sorted(groups.items()):
                shown = ", ".join(map(str, lines[:max_lines])) + (", ..." if len(lines) > max_lines else "")
                yield f"  {title}: {what} ({len(lines)}): lines {shown}"

    def _refusals_by_reason(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for refusal in self.refusals:
            groups.setdefault(f"{refusal.what}: {refusal.code}", []).append(refusal.line)
        return groups

    def _warnings_by_problem(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for remark in self.remarks:
            groups.setdefault(f"{remark.column} {remark.problem}".strip(), []).append(remark.line)
        return groups
