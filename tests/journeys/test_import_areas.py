"""Import into a city with areas by district: each record is processed in its own district's partition."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from paidan_chassis.kafka.producer import partition_for
from paidan_contracts.topics import INBOX
from tests.contracts.city_packs import TINY
from tests.importing.sample_records import HEADER, MAPPING_TOML, record_line
from tests.journeys.installation import CommandRunner, running_installation
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=20)

BOROUGH = "borough"
AREAS = (f"{BOROUGH}.990101", f"{BOROUGH}.990102")
"""Its districts map to other partitions than its own name would."""

ROWS = f"""{HEADER}
1,2026-02-02 09:00,2026-02-03 09:00,rubbish,done,S,R,2026-02-04 00:00,36.005,117.005,990101,
2,2026-02-02 09:10,2026-02-05 09:00,rubbish,done,S,R,2026-02-04 00:00,36.005,117.035,990102,
3,2026-02-02 09:20,2026-02-03 09:00,rubbish,gone,S,R,2026-02-04 00:00,36.010,117.030,990102,
4,2026-02-02 09:30,2026-02-03 09:00,rubbish,not ours,S,R,2026-02-04 00:00,36.015,117.030,990102,
5,2026-02-02 09:40,,rubbish,open,S,R,2026-02-04 00:00,36.012,117.002,990101,
5,2026-02-02 09:40,2026-02-03 09:00,rubbish,gone,S,R,2026-02-04 00:00,36.012,117.002,990101,elsewhere
1,2026-02-02 09:00,2026-02-03 09:00,rubbish,done,S,R,2026-02-04 00:00,36.005,117.005,990101,
"""
LATER_ROWS = f"""{HEADER}
5,2026-02-02 09:40,2026-02-03 09:00,rubbish,gone,S,R,2026-02-04 00:00,36.012,117.002,990101,elsewhere
{record_line("6").replace("2026-", "2126-")}
"""
"""A later export: an open record was voided and has an address by now, and one record is in the future."""
OTHER_ROWS = f"""{HEADER}
1,2026-02-09 09:00,,rubbish,open,S,R,2026-02-04 00:00,36.005,117.005,990101,
2,2026-02-02 09:10,2026-02-05 09:00,rubbish,done,S,R,2026-02-06 00:00,36.005,117.035,990102,
"""
"""An id of another record, and a promise that was put off after a late ending."""


def write_borough(packs: Path) -> None:
    """Write the tiny city under the borough's name, with a mapping of its records."""
    shutil.copytree(TINY, packs / BOROUGH)
    named = packs / BOROUGH / "city.toml"
    named.write_text(named.read_text(encoding="utf-8").replace('id = "tiny"', f'id = "{BOROUGH}"'), encoding="utf-8")
    (packs / BOROUGH / "imports").mkdir()
    (packs / BOROUGH / "imports" / "old.toml").write_text(MAPPING_TOML, encoding="utf-8")


def import_rows(installation: CommandRunner, home: Path, rows: str, *options: str) -> dict[str, Any]:
    """Import rows into the borough, and return the report."""
    file = home.with_name("old.csv")
    file.write_text(rows, encoding="utf-8")
    installation.run("import", str(file), "--city", BOROUGH, "--mapping", "old", "--no-matching", *options)
    report: dict[str, Any] = json.loads((home / "imports" / "old-old.json").read_text())
    return report


async def test_records_of_a_city_with_areas_by_district_are_imported_completely(
    servers: ServerAddresses, database: str, topic_prefix: str, run_folder: Path
) -> None:
    packs = run_folder / "with-areas"
    write_borough(packs)
    lanes = {partition_for(area.encode(), INBOX.partitions) for area in (BOROUGH, *AREAS)}
    assert len(lanes) == 3, "or this shows nothing"
    home = run_folder / "areas"
    with running_installation(home, servers, database=database, prefix=topic_prefix, cities=packs) as installation:
        for _ in range(2):
            report = import_rows(installation, home, ROWS)
        later, listed = [import_rows(installation, home, rows) for rows in (LATER_ROWS, OTHER_ROWS)]
        amended = import_rows(installation, home, OTHER_ROWS, "--amend")
        [streets] = [
            row for row in installation.scores(city=BOROUGH, period="2026-02", by="department")["rows"]
            if row["key"] == "streets"
        ]  # fmt: skip
        verified = installation.run("verify")

    assert report["results"] == {"report opened": 5, "action applied": 8}
    assert report["refusals"] == []
    assert (report["rows"], report["untaken"], report["repeated"]) == (7, 1, 1)
    assert (later["results"], later["refusals"]) == ({"report opened": 1, "action applied": 1}, [])
    assert later["differences"] == [{"line": 2, "field": "address", "was": "", "is": "elsewhere"}]
    assert [each["line"] for each in later["remarks"] if "city's clock" in each["problem"]] == [3]
    assert [(each["line"], each["code"]) for each in listed["refusals"]] == [(2, "id_reused")]
    promise = {"line": 3, "field": "promised_by"}
    assert [each | promise for each in listed["differences"]] == listed["differences"]
    assert listed["results"] == {}
    assert [each["field"] for each in amended["differences"] if each["line"] == 3] == ["promised_by"]
    assert amended["results"]["action applied"] >= 1
    assert streets["counts"] | {"cases": 2, "voided": 2, "not_accepted": 1, "handled": 2} == streets["counts"]
    assert (streets["counts"]["on_time"], streets["counts"]["late"]) == (2, 0)
    assert verified.returncode == 0
