"""核实: which reports are verified before filing, by the pack's rules, their source and their camera's record."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.verification import FalseAlarmRecord, TrustRule
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases.policy import CityPolicy

CameraKey: TypeAlias = tuple[str, str]
"""A source, and its own id of a camera."""


class CameraRecord(NamedTuple):
    """How many of a camera's alarms were verified, and how many of these were not true."""

    judged: int = 0
    false_alarms: int = 0


NO_RECORD: Final = CameraRecord()


class CameraRecords:
    """The records of a partition's cameras, by what its log said so far."""

    __slots__ = ("_changed", "_records")

    def __init__(self, known: Mapping[CameraKey, CameraRecord]) -> None:
        self._records = dict(known)
        self._changed: set[CameraKey] = set()

    def of(self, key: CameraKey) -> CameraRecord:
        """Return a camera's record."""
        return self._records.get(key, NO_RECORD)

    def judge(self, key: CameraKey, *, is_true: bool, policy: CityPolicy) -> None:
        """Add what a verification found; older findings lose half of their weight as newer ones come."""
        judged, false_alarms = self.of(key)
        record = CameraRecord(judged + 1, false_alarms + (not is_true))
        if record.judged >= 2 * _findings_asked_for(policy):
            record = CameraRecord(record.judged // 2, record.false_alarms // 2)
        self._records[key] = record
        self._changed.add(key)

    def mark_stored(self) -> None:
        """Record that all changes so far are written."""
        self._changed = set()

    def changed(self) -> Iterator[tuple[str, str, int, int]]:
        """Yield source, camera, findings and false alarms of each record that changed."""
        for key in sorted(self._changed):
            yield (*key, *self._records[key])


def _findings_asked_for(policy: CityPolicy) -> int:
    terms = policy.city.pack.verification
    rules = [each.false_alarms for each in terms.trust] if terms else []
    return max((each.judged for each in rules if each is not None), default=1)


def trust_rule(report: ReportReceived, policy: CityPolicy, cameras: CameraRecords | None) -> TrustRule | None:
    """Return the pack's first rule that is for a report; None where its source decides."""
    terms = policy.city.pack.verification
    rules = terms.trust if terms is not None else ()
    return next((each for each in rules if _concerns(each, report, cameras)), None)


def _concerns(rule: TrustRule, report: ReportReceived, cameras: CameraRecords | None) -> bool:
    return (
        (rule.sources is None or report.source in rule.sources)
        and (rule.channels is None or report.channel in rule.channels)
        and (rule.cameras is None or report.camera in rule.cameras)
        and (rule.classes is None or any(matches_class(each, report.class_code) for each in rule.classes))
        and (rule.below is None or report.confidence is None or report.confidence < rule.below)
        and (rule.false_alarms is None or _has_record(rule.false_alarms, report, cameras))
    )


def _has_record(asked_for: FalseAlarmRecord, report: ReportReceived, cameras: CameraRecords | None) -> bool:
    if report.camera is None or cameras is None:
        return False
    record = cameras.of((report.source, report.camera))
    return record.judged >= asked_for.judged and record.false_alarms >= asked_for.share * record.judged
