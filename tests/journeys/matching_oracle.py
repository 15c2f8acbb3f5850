"""Expected merges of records: the pack's rule applied to all pairs, slow and plain."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from math import asin, cos, radians, sin, sqrt

from paidan_contracts import ids
from paidan_contracts.city import City
from paidan_contracts.city.class_overrides import effective_matching
from tests.journeys.losangeles_oracle import RecordRow, parse_time

_EARTH_M = 6_371_008.8


@dataclass
class ExpectedCase:
    """An expected case: its opening record, those merged into it, and when it ended."""

    case_id: str
    line: int
    class_code: str
    record: RecordRow
    joined: list[int] = field(default_factory=list)
    ended: bool = False


@dataclass
class MatchingResult:
    """The merges of a whole file by line, and the lines whose end came too late."""

    cases: list[ExpectedCase] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    @property
    def joined(self) -> dict[int, int]:
        return {line: case.line for case in self.cases for line in case.joined}


def match_all_pairs(records: list[RecordRow], city: City) -> MatchingResult:
    """Process reports and ends in order of time; at one moment reports come first."""
    result = MatchingResult()
    case_by_line: dict[int, ExpectedCase] = {}
    for _, is_ending, line, record in sorted(_timed_events(records), key=lambda event: (event[0], event[1], event[2])):
        if is_ending:
            _close_case(result, case_by_line[line], line, record)
            continue
        class_code = _class_of(record, city)
        same = [case for case in result.cases if case.class_code == class_code and _is_match(case, record, city)]
        case = min(same, key=lambda each: (parse_time(each.record["createddate"]), each.case_id), default=None)
        if case is None:
            case = _open_case(line, record, city)
            result.cases.append(case)
        else:
            case.joined.append(line)
        case_by_line[line] = case
    return result


def _timed_events(records: list[RecordRow]) -> Iterator[tuple[object, bool, int, RecordRow]]:
    for line, record in enumerate(records, 2):
        reported = parse_time(record["createddate"])
        assert reported is not None
        yield reported, False, line, record
        ended = None
        if record["status"] == "Closed":
            ended = parse_time(record["closeddate"])
        elif record["status"] in ("Cancelled", "Referred Out"):
            ended = parse_time(record["closeddate"]) or parse_time(record["updateddate"])
        if ended is not None:
            yield max(ended, reported), True, line, record


def _close_case(result: MatchingResult, case: ExpectedCase, line: int, record: RecordRow) -> None:
    joined_it = line != case.line
    if case.ended or (joined_it and record["status"] != "Closed"):
        result.refused.append(line)
    else:
        case.ended = True


def _open_case(line: int, record: RecordRow, city: City) -> ExpectedCase:
    mapping = city.imports["myla311"]
    source = next(each.source for each in mapping.sources if each.value == record["requestsource"])
    report = ids.report_id(source, record["srnumber"])
    return ExpectedCase(ids.case_id(city.id, report), line, _class_of(record, city), record)


def _class_of(record: RecordRow, city: City) -> str:
    return next(each.class_code for each in city.imports["myla311"].categories if each.value == record["requesttype"])


def _is_match(case: ExpectedCase, record: RecordRow, city: City) -> bool:
    terms = effective_matching(city.matching, case.class_code)
    if case.ended or terms.off:
        return False
    if not record["latitude"] or not case.record["latitude"]:
        return False
    case_time, record_time = parse_time(case.record["createddate"]), parse_time(record["createddate"])
    assert case_time is not None
    assert record_time is not None
    if record_time - case_time > timedelta(hours=terms.window_h):
        return False
    return _distance_m(case.record, record) <= terms.radius_m


def _distance_m(one: RecordRow, other: RecordRow) -> float:
    latitude, other_latitude = radians(float(one["latitude"])), radians(float(other["latitude"]))
    across = radians(float(other["longitude"]) - float(one["longitude"]))
    half = sin((other_latitude - latitude) / 2) ** 2 + cos(latitude) * cos(other_latitude) * sin(across / 2) ** 2
    return round(2 * _EARTH_M * asin(sqrt(half)), 1)
