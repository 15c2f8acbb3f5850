"""The report of an import: outcomes, refusals and warnings, by line of the file."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from paidan_deploy.importing.differences import Difference
from paidan_deploy.importing.rows import RowWarning
from paidan_deploy.importing.send import RefusedRequest

_SUBJECTS: Final = {"report": "上报", "action": "操作"}
_RESULTS: Final = {"opened": "立案", "merged": "合并", "applied": "已执行", "refused": "被拒", "dead_lettered": "死信"}


def _in_chinese(result: str) -> str:
    subject, _, outcome = result.partition(" ")
    return f"{_SUBJECTS.get(subject, subject)}{_RESULTS.get(outcome, outcome)}"


@dataclass(frozen=True, slots=True)
class MergedRow:
    """A record that was merged into an earlier one's case."""

    line: int
    case_id: str
    case_line: int | None
    """The line of the record that opened the case; None if that is in another file."""


@dataclass(slots=True)
class ImportReport:
    """The whole result; ``results`` counts outcomes by subject and result, such as ``report opened``."""

    file: str
    city: str
    mapping: str
    rows: int = 0
    untaken: int = 0
    """Rows that were skipped."""
    repeated: int = 0
    """Rows that equal an earlier one."""
    results: Counter[str] = field(default_factory=Counter)
    refusals: list[RefusedRequest] = field(default_factory=list)
    merged: list[MergedRow] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    """What records say otherwise than when they were imported before."""
    remarks: list[RowWarning] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write everything as JSON, with every line listed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        differences = [
            {"line": each.line, "field": each.field, "was": each.was, "is": each.is_} for each in self.differences
        ]
        content = {**asdict(self), "results": dict(sorted(self.results.items())), "differences": differences}
        text = json.dumps(content, ensure_ascii=False, indent=1)
        path.write_text(text + "\n", encoding="utf-8")

    def summary(self, max_lines: int = 12) -> Iterator[str]:
        """Yield lines for a terminal: totals, then each kind of refusal and warning with its first line numbers."""
        repeats, repeats_zh = "", ""
        if self.repeated:
            repeats, repeats_zh = f", {self.repeated} repeated an earlier one", f"，{self.repeated} 行与前重复"
        yield (
            f"{self.rows} rows read, {self.untaken} skipped{repeats}"
            f" / 读取 {self.rows} 行，跳过 {self.untaken} 行{repeats_zh}"
        )
        yield from (f"  {count:>6}  {result} {_in_chinese(result)}" for result, count in sorted(self.results.items()))
        listed = (
            ("refused 被拒", self._refusals_by_reason()),
            ("differs from the earlier import 与上次导入不同", self._differences_by_field()),
            ("warning 提醒", self._warnings_by_problem()),
        )
        for title, groups in listed:
            for reason, lines in sorted(groups.items()):
                shown = ", ".join(map(str, lines[:max_lines])) + (", ..." if len(lines) > max_lines else "")
                yield f"  {title}: {reason} ({len(lines)}): lines 行 {shown}"

    def _refusals_by_reason(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for refusal in self.refusals:
            groups.setdefault(f"{refusal.what}: {refusal.code}", []).append(refusal.line)
        return groups

    def _differences_by_field(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for difference in self.differences:
            groups.setdefault(difference.field, []).append(difference.line)
        return groups

    def _warnings_by_problem(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for remark in self.remarks:
            groups.setdefault(f"{remark.column} {remark.problem}".strip(), []).append(remark.line)
        return groups
