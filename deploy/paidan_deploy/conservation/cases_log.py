"""The log of case events at the cut: each case's versions in order, and the chain of their bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple

from aiokafka.structs import ConsumerRecord

from paidan_deploy.conservation.cut import Cut

GENESIS_CHAIN: Final = bytes(32)
"""The chain value before a case's first event."""


class CaseSteps(NamedTuple):
    """A case up to a version, as bytes tell it: the chain, and a digest of all steps and chains."""

    version: int
    chain: bytes
    digest: bytes

    def extend(self, version: int, step: bytes, chain: bytes) -> "CaseSteps":
        """Return the case with one more step: the SHA-256 of its bytes, and its chain value."""
        digest = sha256(self.digest + version.to_bytes(8, "big") + step + chain).digest()
        return CaseSteps(version, chain, digest)


class CaseRow(NamedTuple):
    """A case in its table: its newest step's version, status and chain."""

    version: int
    status: str
    chain: bytes


class ShownCase(NamedTuple):
    """A case as the cockpit lists it: its newest version, its status then, and the number of its reports."""

    version: int
    status: str
    reports: int


NO_STEPS: Final = CaseSteps(0, GENESIS_CHAIN, bytes(32))


@dataclass(slots=True)
class CasesLog:
    """What the log holds of each case at the cut, every gap in the versions, and what readers had read of it."""

    cut: Cut
    scored_to: Mapping[int, int] = field(default_factory=dict)
    """By partition: the offset before which scoring has counted every event."""
    shown_to: Mapping[int, int] = field(default_factory=dict)
    """By partition: the offset before which the cockpit has read every event."""
    steps: dict[str, CaseSteps] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    report_counts: dict[str, int] = field(default_factory=dict)
    scored_versions: dict[str, int] = field(default_factory=dict)
    shown: dict[str, ShownCase] = field(default_factory=dict)
    counted_reports: set[str] = field(default_factory=set)
    """Reports of which the cockpit has read source and time: release 0.1 told them of those alone that open a case."""
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)
    """By city and number, the case that got it first."""
    repeated_numbers: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    repeat_count: int = 0

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one case event: repeats are allowed, gaps are not."""
        value = record.value or b""
        event = _parse_object(value)
        case_id, version = str(event.get("case_id")), int(event.get("version", 0))
        if version > 0 and record.offset < self.scored_to.get(record.partition, 0):
            self.scored_versions[case_id] = max(version, self.scored_versions.get(case_id, 0))
        if record.offset < self.shown_to.get(record.partition, 0):
            self._add_shown(case_id, version, event.get("state"), event.get("report"))
        if not self.cut.holds(record):
            return
        known = self.steps.get(case_id, NO_STEPS)
        if version <= known.version:
            self.repeat_count += 1
            return
        if version != known.version + 1:
            self.gaps.append(
                f"{case_id} has version {version} after {known.version} / 版本 {known.version} 之后为 {version}"
            )
        self.steps[case_id] = known.extend(version, sha256(value).digest(), sha256(known.chain + value).digest())
        if version == 1:
            self._add_number(case_id, event["state"])
        self.statuses[case_id] = event["state"]["status"]
        self.report_counts[case_id] = event["state"]["reports"]

    def _add_number(self, case_id: str, state: Mapping[str, Any]) -> None:
        number = (state.get("numbers") or {}).get("ours")
        if number is None:
            return
        first = self.numbers.setdefault((str(state.get("city")), str(number)), case_id)
        if first != case_id:
            self.repeated_numbers.append(f"{number}: {first}, {case_id}")

    def _add_shown(self, case_id: str, version: int, state: object, joined: object) -> None:
        if not isinstance(state, dict):
            return
        self.counted_reports.add(str(state.get("opened_by")))
        if isinstance(joined, dict):
            self.counted_reports.add(str(joined.get("report_id")))
        known = self.shown.get(case_id)
        if version > (known.version if known else 0):
            self.shown[case_id] = ShownCase(version, str(state.get("status")), int(state.get("reports") or 0))


def _parse_object(value: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):  # brackets nested too deeply
        return {}
    return parsed if isinstance(parsed, dict) else {}
