"""Errors in places, indicators, import mappings and files are located by file, line, entry and field."""

from pathlib import Path

import pytest

from tests.contracts.city_packs import LOSANGELES, QUANCHENG
from tests.contracts.invalid_packs import (
    InvalidPackCase,
    add_line,
    diagnostic_for,
    remove_file,
    replace_text,
    shift_shape_west,
    write_gb18030,
)

INVALID_PACKS = {
    "an indicator of an unknown fact": InvalidPackCase(
        replace_text("indicators.toml", 'holds = "rated"', 'holds = "rated and happy"'),
        "indicators.toml:44: rated: holds: unknown fact 'happy'",
    ),
    "an indicator without a condition": InvalidPackCase(
        replace_text("indicators.toml", 'holds = "rated"', 'holds = "rated > 1"'),
        "indicators.toml:44: rated: holds: a condition is names of facts",
    ),
    "a rate of an unknown count": InvalidPackCase(
        replace_text("indicators.toml", 'denominator = "rated"', 'denominator = "asked"'),
        "indicators.toml:78: satisfaction: denominator: there is no count 'asked'",
    ),
    "a rate of unlike counts": InvalidPackCase(
        replace_text("indicators.toml", 'holds = "rated"', 'holds = "rated"\nper = "assignment"'),
        "indicators.toml:79: satisfaction: numerator: is not counted per the same thing as the denominator",
    ),
    "a rate given twice": InvalidPackCase(
        replace_text("indicators.toml", 'id = "rework"', 'id = "closing"'),
        "indicators.toml:72: closing: id: duplicate 'closing'",
    ),
    "a rate whose id is too long to publish": InvalidPackCase(
        replace_text("indicators.toml", 'id = "rework"', f'id = "rework-{"x" * 34}"'),
        f"indicators.toml:72: rework-{'x' * 34}: id: 'rework-{'x' * 34}' is published on paidan.scores",
    ),
    "a mapping onto an unknown class": InvalidPackCase(
        replace_text("imports/myla311.toml", 'class_code = "E0104"', 'class_code = "E0304"'),
        "imports/myla311.toml:34: Metal/Household Appliances: class_code: there is no class 'E0304'",
        LOSANGELES,
    ),
    "a mapping onto an unknown department": InvalidPackCase(
        replace_text("imports/myla311.toml", 'department = "bss"', 'department = "dot"'),
        "imports/myla311.toml:90: BSS: department: there is no department 'dot'",
        LOSANGELES,
    ),
    "a mapping onto an unknown source": InvalidPackCase(
        replace_text("imports/myla311.toml", 'source = "letter"', 'source = "telegram"'),
        "imports/myla311.toml:118: Letter: source: there is no source 'telegram'",
        LOSANGELES,
    ),
    "a status without a time": InvalidPackCase(
        replace_text("imports/myla311.toml", 'at = ["closeddate"]', "at = []"),
        "imports/myla311.toml:122: Closed: at: is missing: only the status open needs no column for its time",
        LOSANGELES,
    ),
    "a value mapped twice": InvalidPackCase(
        replace_text("imports/myla311.toml", 'value = "BSS"', 'value = "BSL"'),
        "imports/myla311.toml:90: BSL: value: duplicate 'BSL'",
        LOSANGELES,
    ),
    "a time format without a month": InvalidPackCase(
        replace_text("imports/myla311.toml", "%m/%d/%y %H:%M", "%d/%y %H:%M"),
        "imports/myla311.toml: time_format: '%d/%y %H:%M' does not contain year, month and day",
        LOSANGELES,
    ),
    "a promise that is a day and a moment": InvalidPackCase(
        replace_text("imports/myla311.toml", 'promised_on = "servicedate"', 'promised_on = "a"\npromised_at = "b"'),
        "imports/myla311.toml: columns.promised_at: stands beside promised_on: a promise is a day or a moment",
        LOSANGELES,
    ),
    "a street of no district": InvalidPackCase(
        replace_text("geography/places.csv", "990102001,street,990102", "990102001,street,990109"),
        "geography/places.csv:5: 990102001: within: there is no district '990109'",
    ),
    "a place given twice": InvalidPackCase(
        add_line("geography/places.csv", "990101,district,,西区,West,no"),
        "geography/places.csv:8: 990101: code: duplicate '990101'",
    ),
    "a place that claims to be drawn": InvalidPackCase(
        replace_text("geography/places.csv", "西街道,West Street,no", "西街道,West Street,yes"),
        "geography/places.csv:4: 990101001: drawn: is yes, but no .geojson file draws it",
    ),
    "a drawing of an unknown place": InvalidPackCase(
        replace_text("geography/districts.geojson", '"code": "990102"', '"code": "990103"'),
        "geography/districts.geojson: feature 2 (990103): places.csv has no district with the code '990103'",
    ),
    "polygons that overlap": InvalidPackCase(
        shift_shape_west("geography/districts.geojson", "990102"),
        "geography/districts.geojson: feature 2 (990102): overlaps 990101 by about",
    ),
    "streets that overlap": InvalidPackCase(
        shift_shape_west("geography/streets.geojson", "370104002"),
        "geography/streets.geojson: feature 10 (370104002): overlaps 370102002 by about",
        QUANCHENG,
    ),
    "a polygon that crosses itself": InvalidPackCase(
        replace_text(
            "geography/districts.geojson",
            "[117.04, 36.0], [117.04, 36.02], [117.02, 36.02]",
            "[117.04, 36.02], [117.04, 36.0], [117.02, 36.02]",
        ),
        "geography/districts.geojson: feature 2 (990102): Self-intersection",
    ),
    "a ring that is open": InvalidPackCase(
        replace_text(
            "geography/districts.geojson", "[117.02, 36.02], [117.02, 36.0]]", "[117.02, 36.02], [117.03, 36.0]]"
        ),
        "geography/districts.geojson: feature 2 (990102): has a ring that is not closed",
    ),
    "a cell given twice": InvalidPackCase(
        replace_text("geography/grid.csv", "\n3,20,40,990102001001,61", "\n3,19,40,990102001001,61"),
        "geography/grid.csv:9: overlaps another run in row 3",
    ),
    "a cell number given twice": InvalidPackCase(
        replace_text("geography/grid.csv", "\n3,20,40,990102001001,61", "\n3,20,40,990102001001,51"),
        "geography/grid.csv:9: first: repeats cell numbers of community 990102001001",
    ),
    "more than 999 cells in a community": InvalidPackCase(
        replace_text("geography/grid.csv", "\n3,20,40,990102001001,61", "\n3,20,40,990102001001,990"),
        "geography/grid.csv:9: first: community 990102001001 would get a cell 1009; there are 999 numbers",
    ),
    "cells of an unknown community": InvalidPackCase(
        replace_text("geography/grid.csv", "\n3,20,40,990102001001,61", "\n3,20,40,990102001009,61"),
        "geography/grid.csv:9: community: there is no community '990102001009'",
    ),
    "cells outside the grid": InvalidPackCase(
        add_line("geography/grid.csv", "20,0,5,990101001001,900"),
        "geography/grid.csv:42: lies outside the grid of 20 rows",
    ),
    "cells of one district drawn in another": InvalidPackCase(
        replace_text("geography/grid.csv", "\n3,20,40,990102001001,61", "\n3,20,40,990101001001,900"),
        "geography/grid.csv:9: has cells whose centre lies outside the shape",
    ),
    "a missing file": InvalidPackCase(remove_file("departments.csv"), "departments.csv: the file is missing"),
    "an unknown column": InvalidPackCase(
        replace_text("departments.csv", "kind,district", "sort,district"),
        "departments.csv:1: unknown column 'sort'",
    ),
    "a line with a cell too many": InvalidPackCase(
        add_line("departments.csv", "west,西,West,cleaning,,,http,"),
        "departments.csv:4: has 8 cells where the header has 7",
    ),
    "a file that is not UTF-8": InvalidPackCase(
        write_gb18030("departments.csv"),
        "departments.csv: cannot be read as UTF-8 text",
    ),
    "a city without an area level": InvalidPackCase(
        replace_text("city.toml", 'area_level = "district"\n', ""), "city.toml: area_level: is missing"
    ),
}


@pytest.mark.parametrize("planted", INVALID_PACKS.values(), ids=INVALID_PACKS.keys())
def test_invalid_pack_is_diagnosed(tmp_path: Path, planted: InvalidPackCase) -> None:
    assert diagnostic_for(planted, tmp_path).startswith(planted.expected)
