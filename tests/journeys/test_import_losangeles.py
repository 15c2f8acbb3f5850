"""A month of imported records, compared with a count of the file."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paidan_contracts.city import City
from paidan_contracts.city.loader import load_city
from tests.journeys.installation import CommandRunner
from tests.journeys.losangeles_oracle import ExpectedCounts, RecordRow, expected_counts, read_records
from tests.journeys.matching_oracle import match_all_pairs

pytestmark = pytest.mark.takes(seconds=30)

MONTH = "2020-01"
MATCHED = 2500
"""At most: comparing all pairs of more takes long."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The installation that imported the file, and the output of the import."""

    installation: CommandRunner
    file: Path
    records: list[RecordRow]
    report: dict[str, Any]
    received_before: int
    """Reports that other journeys had sent to the installation by then."""

    def scores(self, by: str) -> dict[str, dict[str, Any]]:
        rows = self.installation.scores(city="losangeles", period=MONTH, by=by)["rows"]
        return {row["key"]: row for row in rows}


@pytest.fixture(scope="module")
def imported(installation: CommandRunner, records_file: Path, run_folder: Path) -> Imported:
    """Import the file with one more row, of the month's last evening, which is February in UTC."""
    file = run_folder / "myla311.csv"
    text = records_file.read_text(encoding="utf-8-sig").rstrip("\n")
    file.write_text(f"{text}\n{_last_evening_row(text)}", encoding="utf-8")
    received_before = json.loads(installation.run("verify", "--json").stdout)["received"]
    installation.run("import", str(file), "--city", "losangeles", "--mapping", "myla311", "--no-matching")
    return Imported(installation, file, read_records(file), _report(installation, file), received_before)


def _last_evening_row(text: str) -> str:
    names = text.splitlines()[0].split(",")
    cells = {
        "srnumber": "1-planted",
        "requesttype": "Bulky Items",
        "status": "Closed",
        "createddate": "1/31/20 22:30",
        "updateddate": "2/1/20 9:00",
        "servicedate": "2/1/20 0:00",
        "closeddate": "2/1/20 9:00",
        "requestsource": "Call",
        "owner": "BOS",
        "latitude": "34.05",
        "longitude": "-118.25",
        "cd": "14",
    }
    return ",".join(cells.get(name, "") for name in names) + "\n"


def _report(installation: CommandRunner, file: Path) -> dict[str, Any]:
    path = installation.home / "imports" / f"{file.stem}-myla311.json"
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def _class_of(city: City) -> Callable[[RecordRow], str]:
    codes = {kind.value: kind.class_code for kind in city.imports["myla311"].categories}
    return lambda record: codes[record["requesttype"]]


def _source_of(city: City) -> Callable[[RecordRow], str]:
    ids = {source.value: source.source for source in city.imports["myla311"].sources}
    return lambda record: ids[record["requestsource"]]


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(Path(__file__).parents[2] / "deploy" / "cities" / "losangeles")


def _expected(imported: Imported, city: City, by: str) -> dict[str, ExpectedCounts]:
    keys: dict[str, Callable[[RecordRow], str]] = {
        "department": lambda record: record["owner"].lower(),
        "class": _class_of(city),
        "district": lambda record: record["cd"] or "unknown",
        "source": _source_of(city),
    }
    return expected_counts(imported.records, MONTH, keys[by])


@pytest.mark.parametrize("by", ["department", "class", "district", "source"])
def test_every_figure_equals_a_count_of_the_file(imported: Imported, city: City, by: str) -> None:
    found = imported.scores(by)
    expected = _expected(imported, city, by)

    assert {key: row["counts"] for key, row in found.items()} == {key: row.counts() for key, row in expected.items()}
    for key, row in expected.items():
        rates = {
            name: {part: rate[part] for part in ("numerator", "denominator", "value")}
            for name, rate in found[key]["rates"].items()
        }
        assert rates == row.rates(), key


def test_there_are_seven_owners_and_eleven_kinds(imported: Imported) -> None:
    assert len(imported.scores("department")) == 7
    assert len(imported.scores("class")) == 11


@pytest.mark.parametrize("by", ["department", "class", "district", "source"])
def test_each_dimension_sums_to_the_whole(imported: Imported, by: str) -> None:
    [whole] = imported.scores("city").values()
    rows = imported.scores(by).values()

    for name, count in whole["counts"].items():
        assert sum(row["counts"][name] for row in rows) == count, name


def test_a_report_of_the_last_evening_counts_in_its_own_month(imported: Imported) -> None:
    """22:30 on the 31st in Los Angeles is the 1st of February in UTC."""
    february = imported.installation.scores(city="losangeles", period="2020-02", by="city")["rows"]

    assert sum(row["counts"]["cases"] for row in february) == 0
    counted = [each for each in imported.records if each["status"] not in ("Cancelled", "Referred Out")]
    assert sum(row["counts"]["cases"] for row in imported.scores("city").values()) == len(counted)


def test_row_warnings_are_listed_by_line(imported: Imported) -> None:
    lines = [number for number, record in enumerate(imported.records, 2) if not record["servicedate"]]
    listed = [each["line"] for each in imported.report["remarks"] if each["problem"].startswith("has no promised day")]

    assert listed == lines
    undated = [each for each in imported.report["remarks"] if "imported as open" in each["problem"]]
    assert len(undated) == len([row for row in imported.records if row["status"] == "Closed" and not row["closeddate"]])
    assert undated
    assert imported.report["refusals"] == []


def test_importing_it_again_changes_nothing(imported: Imported) -> None:
    before = imported.scores("department")

    imported.installation.run(
        "import", str(imported.file), "--city", "losangeles", "--mapping", "myla311", "--no-matching"
    )

    assert imported.scores("department") == before
    again = _report(imported.installation, imported.file)
    assert again["results"] == imported.report["results"]


def test_merges_agree_with_the_matching_oracle(imported: Imported, city: City, run_folder: Path) -> None:
    """The same rule, applied with an index of grid squares here and to all pairs there."""
    file = run_folder / "matched.csv"
    _write_earlier(imported.records[:MATCHED], file)
    expected = match_all_pairs(read_records(file), city)

    imported.installation.run("import", str(file), "--city", "losangeles", "--mapping", "myla311")

    report = _report(imported.installation, file)
    assert report["results"]["report merged"] == len(expected.joined) > 50
    assert report["results"]["report opened"] == len(expected.cases)
    assert sorted({each["line"] for each in report["refusals"]}) == sorted(expected.refused)
    merged = {each["line"]: each["case_line"] for each in report["merged"]}
    assert merged == expected.joined


def _write_earlier(found: list[RecordRow], file: Path) -> None:
    """Write records as those of the year before, under other ids, so that they are new to the installation."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(found[0]))
        writer.writeheader()
        for record in found:
            times = {name: record[name].replace("/20 ", "/19 ") for name in record if name.endswith("date")}
            writer.writerow({**record, **times, "srnumber": f"m{record['srnumber']}"})


def test_nothing_was_lost_or_counted_twice(imported: Imported) -> None:
    found = json.loads(imported.installation.run("verify", "--json").stdout)

    assert found["holds"]
    received = found["received"] - imported.received_before
    assert received == len(imported.records) + len(imported.records[:MATCHED])
