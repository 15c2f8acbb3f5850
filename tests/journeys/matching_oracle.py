"""Which records are about the same thing: the pack's rule read aloud over all pairs, slow and plain."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from math import asin, cos, radians, sin, sqrt

from paidan_contracts import ids
from paidan_contracts.city import City
from tests.journeys.losangeles_oracle import Record, time_of

_EARTH_M = 6_371_008.8


@dataclass
class Told:
    """A case as the records make it: its opening record, those that joined, and when it ended."""

    case_id: str
    line: int
    class_code: str
    record: Record
    joined: list[int] = field(default_factory=list)
    ended: bool = False


@dataclass
class Reading:
    """What came of the whole file: who joined whom by line, and the lines whose ending came too late."""

    cases: list[Told] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    @property
    def joined(self) -> dict[int, int]:
        return {line: case.line for case in self.cases for line in case.joined}


def read(records: list[Record], city: City) -> Reading:
    """Go through reports and endings in the order of their time; at one moment reports come before endings."""
    found = Reading()
    of_line: dict[int, Told] = {}
    for _, is_ending, line, record in sorted(_deeds(records), key=lambda deed: (deed[0], deed[1], deed[2])):
        if is_ending:
            _end(found, of_line[line], line, record)
            continue
        class_code = _class_of(record, city)
        same = [case for case in found.cases if case.class_code == class_code and _is_same(case, record, city)]
        case = min(same, key=lambda each: (time_of(each.record["createddate"]), each.case_id), default=None)
        if case is None:
            case = _opened(line, record, city)
            found.cases.append(case)
        else:
            case.joined.append(line)
        of_line[line] = case
    return found


def _deeds(records: list[Record]) -> Iterator[tuple[object, bool, int, Record]]:
    for line, record in enumerate(records, 2):
        reported = time_of(record["createddate"])
        assert reported is not None
        yield reported, False, line, record
        ended = None
        if record["status"] == "Closed":
            ended = time_of(record["closeddate"])
        elif record["status"] in ("Cancelled", "Referred Out"):
            ended = time_of(record["closeddate"]) or time_of(record["updateddate"])
        if ended is not None:
            yield max(ended, reported), True, line, record


def _end(found: Reading, case: Told, line: int, record: Record) -> None:
    joined_it = line != case.line
    if case.ended or (joined_it and record["status"] != "Closed"):
        found.refused.append(line)
    else:
        case.ended = True


def _opened(line: int, record: Record, city: City) -> Told:
    mapping = city.imports["myla311"]
    source = next(each.source for each in mapping.sources if each.value == record["requestsource"])
    report = ids.report_id(source, record["srnumber"])
    return Told(ids.case_id(city.id, report), line, _class_of(record, city), record)


def _class_of(record: Record, city: City) -> str:
    return next(each.class_code for each in city.imports["myla311"].categories if each.value == record["requesttype"])


def _is_same(case: Told, record: Record, city: City) -> bool:
    terms = city.match_terms(case.class_code)
    if case.ended or terms.off:
        return False
    if not record["latitude"] or not case.record["latitude"]:
        return False
    first, now = time_of(case.record["createddate"]), time_of(record["createddate"])
    assert first is not None
    assert now is not None
    if now - first > timedelta(hours=terms.window_h):
        return False
    return _metres(case.record, record) <= terms.radius_m


def _metres(one: Record, other: Record) -> float:
    latitude, other_latitude = radians(float(one["latitude"])), radians(float(other["latitude"]))
    across = radians(float(other["longitude"]) - float(one["longitude"]))
    half = sin((other_latitude - latitude) / 2) ** 2 + cos(latitude) * cos(other_latitude) * sin(across / 2) ** 2
    return round(2 * _EARTH_M * asin(sqrt(half)), 1)
