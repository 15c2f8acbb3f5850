"""Errors in catalogue, departments, sources, calendar and terms are located by file, line, entry and field."""

from pathlib import Path

import pytest

from tests.contracts.city_packs import QUANCHENG
from tests.contracts.invalid_packs import InvalidPackCase, add_line, diagnostic_for, remove_lines, replace_text

INVALID_PACKS = {
    "a class without a row": InvalidPackCase(
        add_line("classes.csv", "E0406,占道经营,Trading on the road,街面秩序,Street order"),
        "classes.csv:5: E0406: code: class E0406 has no row in rows.csv: no case of it can be filed",
    ),
    "a class without a default row": InvalidPackCase(
        replace_text("rows.csv", "E0401-1,E0401,1,yes", "E0401-1,E0401,1,no"),
        "classes.csv:3: E0401: code: class E0401 has no default row in rows.csv",
    ),
    "a class with two default rows": InvalidPackCase(
        replace_text("rows.csv", "C0137-1,C0137,1,no", "C0137-1,C0137,1,yes"),
        "classes.csv:4: C0137: code: class C0137 has 2 default rows in rows.csv",
    ),
    "a class given twice": InvalidPackCase(
        add_line("classes.csv", "E0401,游商,Hawkers,街面秩序,Street order"),
        "classes.csv:5: E0401: code: duplicate 'E0401'",
    ),
    "a row given twice": InvalidPackCase(
        add_line("rows.csv", "E0401-1,E0401,1,no,有,is,无,is not,1 urgent_hour,,"),
        "rows.csv:6: E0401-1: id: duplicate 'E0401-1'",
    ),
    "a row of no class": InvalidPackCase(
        add_line("rows.csv", "E0499-1,E0499,1,yes,有,is,无,is not,1 urgent_hour,,"),
        "rows.csv:6: E0499-1: class_code: there is no class 'E0499'",
    ),
    "a row whose id is another's": InvalidPackCase(
        replace_text("rows.csv", "C0137-2,C0137,2", "C0137-7,C0137,2"),
        "rows.csv:5: C0137-7: id: must be class code, dash, condition: C0137-2",
    ),
    "a limit of zero": InvalidPackCase(
        replace_text("rows.csv", "4 working_hour", "0 working_hour"),
        "rows.csv:2: E0110-1: limit.amount: Input should be greater than 0, not '0'",
    ),
    "a negative limit": InvalidPackCase(
        replace_text("rows.csv", "2 urgent_hour", "-2 urgent_hour"),
        "rows.csv:3: E0401-1: limit.amount: Input should be greater than 0, not '-2'",
    ),
    "a limit in unknown units": InvalidPackCase(
        replace_text("rows.csv", "2 urgent_hour", "2 fortnight"),
        "rows.csv:3: E0401-1: limit.unit: Input should be 'working_",
    ),
    "a rule of ratings that nobody knows": InvalidPackCase(
        replace_text("terms.toml", 'rating = "worst"', 'rating = "best"'),
        "terms.toml: callbacks: rating: Input should be 'worst', 'last' or 'opener', not 'best'",
    ),
    "a misspelt term of callbacks": InvalidPackCase(
        replace_text("terms.toml", "unreasonable =", "unresonable ="),
        "terms.toml: callbacks: unresonable: unknown field",
    ),
    "a noting rule twice": InvalidPackCase(
        replace_text("terms.toml", 'id = "consultations"', 'id = "praise"'),
        "terms.toml:30: praise: id: duplicate 'praise'",
    ),
    "a noting rule without a matter": InvalidPackCase(
        replace_text("terms.toml", 'matters = ["praise"]', "matters = []"),
        "terms.toml:25: praise: matters: Tuple should have at least 1 item",
    ),
    "a noting rule of an unknown matter": InvalidPackCase(
        replace_text("terms.toml", 'matters = ["praise"]', 'matters = ["thanks"]'),
        "terms.toml:25: praise: matters.0: Input should be 'consultation', 'help'",
    ),
    "a matter that two rules note": InvalidPackCase(
        replace_text("terms.toml", 'matters = ["consultation"]', 'matters = ["consultation", "praise"]'),
        "terms.toml:30: consultations: matters: 'praise' is noted by an earlier rule already",
    ),
    "a noting rule under the name of ignored categories": InvalidPackCase(
        replace_text("terms.toml", 'id = "praise"', 'id = "ignored-category"'),
        "terms.toml:25: ignored-category: id: 'ignored-category' is the rule of ignored categories; choose another id",
    ),
    "no address at a point": InvalidPackCase(
        replace_text("terms.toml", "radius_m = 50", "radius_m = 50\naddresses_per_point = 0"),
        "terms.toml: matching: addresses_per_point: Input should be greater than or equal to 1, not 0",
    ),
    "a category of an unknown class": InvalidPackCase(
        replace_text("categories.csv", "camera,890,E0110", "camera,890,E0199"),
        "categories.csv:6: 890: class_code: there is no class 'E0199'",
    ),
    "a category of an unknown row": InvalidPackCase(
        replace_text("categories.csv", "路灯不亮,C0137,2", "路灯不亮,C0137,8"),
        "categories.csv:3: 市政设施/路灯不亮: condition: class C0137 has no row '8'",
    ),
    "a matter of an unknown type": InvalidPackCase(
        replace_text("matters.csv", "投诉举报,complaint", "投诉举报,grumble"),
        "matters.csv:3: 投诉举报: matter: Input should be 'consultation'",
    ),
    "a word of a matter of an unknown source": InvalidPackCase(
        add_line("matters.csv", "fax,抱怨,complaint"),
        "matters.csv:5: 抱怨: source: there is no source and no channel 'fax'",
    ),
    "a word of a matter given twice": InvalidPackCase(
        add_line("matters.csv", "hotline,其它,help"),
        "matters.csv:5: 其它: word: duplicate 'hotline 其它'",
    ),
    "a column of matters that is unknown": InvalidPackCase(
        replace_text("matters.csv", "source,word,matter", "source,word,meaning"),
        "matters.csv:1: unknown column 'meaning'",
    ),
    "a placeholder off the globe": InvalidPackCase(
        replace_text("terms.toml", "x = 117.0201", "x = 217.0201"),
        "terms.toml: matching: placeholders.0.x: Input should be less than or equal to 180, not 217.0201",
    ),
    "a placeholder in an unknown datum": InvalidPackCase(
        replace_text("terms.toml", "radius_m = 7", 'crs = "mars"'),
        "terms.toml: matching: placeholders.0.crs: Input should be 'wgs84'",
    ),
    "a placeholder as large as a city": InvalidPackCase(
        replace_text("terms.toml", "radius_m = 7", "radius_m = 5000"),
        "terms.toml: matching: placeholders.0.radius_m: Input should be less than or equal to 500, not 5000",
    ),
    "a placeholder without its half": InvalidPackCase(
        replace_text("terms.toml", "y = 36.0101", ""), "terms.toml: matching: placeholders.0.y: is missing"
    ),
    "a placeholder with a misspelt field": InvalidPackCase(
        replace_text("terms.toml", "radius_m = 7", "radius = 5"),
        "terms.toml: matching: placeholders.0.radius: unknown field",
    ),
    "a placeholder given twice": InvalidPackCase(
        replace_text(
            "terms.toml", "[screening]", "[[matching.placeholders]]\nx = 117.0201\ny = 36.0101\n\n[screening]"
        ),
        "terms.toml: matching: placeholders.1.x: duplicate '117.0201 36.0101 wgs84'",
    ),
    "a category of an unknown source": InvalidPackCase(
        add_line("categories.csv", "fax,rubbish,E0110,,"),
        "categories.csv:11: rubbish: source: there is no source and no channel 'fax'",
    ),
    "a category with two classes": InvalidPackCase(
        add_line("categories.csv", "camera,890,E0401,,"),
        "categories.csv:11: 890: word: duplicate 'camera 890'",
    ),
    "a category without a class": InvalidPackCase(
        add_line("categories.csv", "camera,42,,,"),
        "categories.csv:11: 42: class_code: a category either has a class or is ignored",
    ),
    "a department given twice": InvalidPackCase(
        add_line("departments.csv", "lamps,灯,Lamps,lighting,,,http"),
        "departments.csv:4: lamps: id: duplicate 'lamps'",
    ),
    "a department of an unknown district": InvalidPackCase(
        add_line("departments.csv", "west,西,West,cleaning,990109,,http"),
        "departments.csv:4: west: district: there is no district '990109'",
    ),
    "a department of a street elsewhere": InvalidPackCase(
        add_line("departments.csv", "west,西,West,cleaning,990101,990102001,http"),
        "departments.csv:4: west: street: '990102001' does not lie in district '990101'",
    ),
    "a department with a topic name that Kafka refuses": InvalidPackCase(
        add_line("departments.csv", "west side,西,West,cleaning,,,http"),
        "departments.csv:4: west side: id: String should match",
    ),
    "a department with an unknown channel": InvalidPackCase(
        add_line("departments.csv", "west,西,West,cleaning,,,pigeon"),
        "departments.csv:4: west: channel: Input should be 'kafka'",
    ),
    "a source of an unknown kind": InvalidPackCase(
        add_line("sources.csv", "fax,传真,Fax,fax,yes,,wgs84,no"), "sources.csv:7: fax: kind: Input should be 'hotline'"
    ),
    "a source in an unknown datum": InvalidPackCase(
        add_line("sources.csv", "fax,传真,Fax,hotline,yes,,mars,no"), "sources.csv:7: fax: crs: Input should be 'wgs84'"
    ),
    "a source given twice": InvalidPackCase(
        add_line("sources.csv", "photo,照片,Photos,photo,yes,,wgs84,no"),
        "sources.csv:7: photo: id: duplicate 'photo'",
    ),
    "a calendar that ends before its stated end": InvalidPackCase(
        remove_lines("calendar.csv", "2026-12-3"),
        "calendar.csv: ends on 2026-12-29, though city.toml states 2026-12-31",
    ),
    "a calendar that ends a year early": InvalidPackCase(
        remove_lines("calendar.csv", "2026-"),
        "calendar.csv: ends on 2025-12-31, though city.toml states 2026-12-31",
        QUANCHENG,
    ),
    "a calendar that ends within a year": InvalidPackCase(
        replace_text("city.toml", "last = 2026-12-31", "last = 2026-11-30"),
        "city.toml: calendar.last: 2026-11-30 is not the end of a year",
    ),
    "a calendar that begins after its end": InvalidPackCase(
        replace_text("city.toml", "first = 2026-01-01", "first = 2027-01-01"),
        "city.toml: calendar.first: 2027-01-01 comes after the last date, 2026-12-31",
    ),
    "a calendar that begins after its stated beginning": InvalidPackCase(
        remove_lines("calendar.csv", "2026-01-01"),
        "calendar.csv: begins on 2026-01-02, though city.toml states 2026-01-01",
    ),
    "a calendar with missing dates": InvalidPackCase(
        remove_lines("calendar.csv", "2026-03-1"),
        "calendar.csv:70: 2026-03-20: date: dates are missing before it: 2026-03-10 to 2026-03-19",
    ),
    "a date given twice": InvalidPackCase(
        replace_text("calendar.csv", "2026-03-02,yes,", "2026-03-02,yes,\n2026-03-02,no,"),
        "calendar.csv:63: 2026-03-02: date: 2026-03-02 comes after 2026-03-02: every date once, in order",
    ),
    "a date that does not exist": InvalidPackCase(
        replace_text("calendar.csv", "2026-03-02", "2026-02-30"),
        "calendar.csv:62: 2026-02-30: date: Input should be a valid date",
    ),
    "shifts that overlap": InvalidPackCase(
        replace_text("city.toml", 'begin = "14:00"', 'begin = "11:00"'),
        "city.toml: calendar.shifts.1: begins at 11:00:00",
    ),
    "an unknown time zone": InvalidPackCase(
        replace_text("city.toml", "Asia/Shanghai", "Asia/Jinan"), "city.toml: zone: there is no time zone 'Asia/Jinan'"
    ),
    "a clock that is missing": InvalidPackCase(
        replace_text("terms.toml", 'inspect = "30 urgent_minute"\n', ""), "terms.toml: clocks: inspect: is missing"
    ),
    "a radius of zero": InvalidPackCase(
        replace_text("terms.toml", "radius_m = 50", "radius_m = 0"),
        "terms.toml: matching: radius_m: Input should be greater",
    ),
    "confidence thresholds in the wrong order": InvalidPackCase(
        replace_text("terms.toml", "review_at = 0.5", "review_at = 0.9"),
        "terms.toml: screening: review_at: is above report_at",
    ),
    "terms for classes that do not exist": InvalidPackCase(
        add_line("terms.toml", '[[screening.by_class]]\nclasses = ["E07*"]\nrefire_s = 5'),
        "terms.toml: screening: by_class.0.classes: 'E07*' matches no class of the catalogue",
    ),
}


@pytest.mark.parametrize("planted", INVALID_PACKS.values(), ids=INVALID_PACKS.keys())
def test_invalid_pack_is_diagnosed(tmp_path: Path, planted: InvalidPackCase) -> None:
    assert diagnostic_for(planted, tmp_path).startswith(planted.expected)
