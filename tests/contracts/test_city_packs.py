"""The shipped packs: their content, the time to load them, and the round trip through their canonical bytes."""

import csv
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from paidan_contracts.city import UNKNOWN_PLACE, City, Routed, RoutingInput, load_city, pack_version
from paidan_contracts.city.class_overrides import effective_matching, effective_screening
from paidan_contracts.city.pack_types import TimeLimit
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, TINY, copy_pack, edit_file

QUANCHENG_CITY: Final = load_city(QUANCHENG)


def best_cpu_time(act: Callable[[], object]) -> float:
    """Return the least processor time of several runs, which other load on the machine does not change."""
    return min(_timed(act) for _ in range(7))


def _timed(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


@pytest.mark.parametrize("folder", [TINY, QUANCHENG, LOSANGELES], ids=lambda folder: folder.name)
def test_city_survives_the_round_trip_through_its_bytes(folder: Path) -> None:
    city = load_city(folder)

    content = city.pack.canonical_bytes()
    decoded = City.from_canonical(content)

    assert decoded.pack == city.pack
    assert decoded.version == city.version == pack_version(content)
    assert decoded.pack.canonical_bytes() == content


def test_version_depends_on_content_and_not_on_formatting(tmp_path: Path) -> None:
    before = load_city(TINY).version
    folder = copy_pack(TINY, tmp_path)

    edit_file(folder, "terms.toml", "radius_m = 50", "radius_m = 50.0  # metres")
    assert load_city(folder).version == before

    edit_file(folder, "terms.toml", "radius_m = 50.0", "radius_m = 51")
    assert load_city(folder).version != before


@pytest.mark.parametrize(("folder", "within_s"), [(TINY, 0.02), (QUANCHENG, 0.3)], ids=["tiny", "quancheng"])
def test_pack_is_loaded_and_validated_quickly(folder: Path, within_s: float) -> None:
    assert best_cpu_time(lambda: load_city(folder)) < within_s


def test_published_city_is_decoded_quickly() -> None:
    content = QUANCHENG_CITY.pack.canonical_bytes()

    assert best_cpu_time(lambda: City.from_canonical(content)) < 0.1


def test_quancheng_is_as_large_as_a_real_city() -> None:
    pack = QUANCHENG_CITY.pack
    levels = Counter(place.level for place in pack.geography.places)

    assert len(pack.departments) >= 30
    assert len(pack.catalogue.rows) >= 60
    assert levels["district"] >= 4
    assert levels["street"] >= 16
    assert {department.kind for department in pack.departments} >= {"urban-management", "street-office", "utility"}
    assert {source.kind for source in pack.sources} >= {"hotline", "photo", "camera", "patrol"}
    grid = pack.geography.grid
    assert grid is not None
    assert sum(run.end - run.begin for run in grid.runs) > 10_000


@pytest.mark.parametrize(
    ("row", "amount", "unit"),
    [
        ("C0101-1", 2, "urgent_hour"),
        ("C0101-2", 4, "working_hour"),
        ("C0110-2", 1, "working_day"),
        ("C0104-5", 1, "working_day"),
        ("C0137-3", 2, "working_hour"),
        ("C0402-4", 15, "working_day"),
        ("E0101-1", 2, "urgent_day"),
        ("E0101-2", 15, "working_day"),
        ("E0110-1", 4, "working_hour"),
        ("E0122-1", 1, "urgent_hour"),
        ("E0122-2", 3, "working_day"),
        ("E0401-1", 2, "urgent_hour"),
        ("E0501-1", 1, "urgent_hour"),
        ("E0501-2", 5, "working_day"),
        ("E0507-1", 4, "working_hour"),
    ],
)
def test_limits_are_those_of_the_filing_standard(row: str, amount: int, unit: str) -> None:
    limit = QUANCHENG_CITY.rows[row].limit

    assert limit is not None
    assert (limit.amount, limit.unit) == (amount, unit)


def test_every_class_has_a_default_row() -> None:
    assert QUANCHENG_CITY.default_rows["C0137"] == QUANCHENG_CITY.rows["C0137-2"]
    assert QUANCHENG_CITY.default_rows.keys() == QUANCHENG_CITY.classes.keys()


def test_city_may_limit_rows_that_state_no_limit() -> None:
    losangeles = load_city(LOSANGELES)

    assert QUANCHENG_CITY.clocks.handle == TimeLimit(amount=4, unit="working_hour")
    assert losangeles.default_rows["E0101"].limit is losangeles.clocks.handle is None


def test_every_source_category_is_mapped() -> None:
    """A camera's number, a hotline's category and a patrol's code may be mapped to the same class."""
    words = [("camera-platform", "890"), ("hotline-12345", "市容环境/暴露生活垃圾"), ("grid-patrol", "E0110")]

    assert [entry.class_code for word in words if (entry := QUANCHENG_CITY.categories.get(word))] == ["E0110"] * 3
    heartbeat = QUANCHENG_CITY.categories.get(("camera-platform", "videoloss"))
    assert heartbeat is not None
    assert heartbeat.ignored
    assert ("hotline-12345", "890") not in QUANCHENG_CITY.categories
    assert ("nobody", "890") not in QUANCHENG_CITY.categories


@pytest.mark.parametrize("code", sorted(QUANCHENG_CITY.classes))
def test_every_class_of_quancheng_has_a_department_everywhere(code: str) -> None:
    noon, night = (datetime(2026, 3, 2, hour, tzinfo=QUANCHENG_CITY.zone) for hour in (10, 23))

    for place in QUANCHENG_CITY.pack.geography.places:
        for at in (noon, night):
            place_codes = QUANCHENG_CITY.geography.locate_code(place.code)
            if place.level != "district":
                decision = QUANCHENG_CITY.rule_index.route(
                    RoutingInput(class_code=code, place=place_codes, channel="photo", source="snap", at=at)
                )
                assert isinstance(decision, Routed), f"{code} in {place.code}"


def test_quancheng_routes_by_class_place_owner_and_time() -> None:
    def led(
        code: str, position: tuple[float, float] | None = (36.65, 116.99), hour: int = 10, **more: str
    ) -> str | None:
        place_codes = QUANCHENG_CITY.geography.locate(*position) if position else UNKNOWN_PLACE
        at = datetime(2026, 3, 2, hour, tzinfo=QUANCHENG_CITY.zone)
        owner, condition = more.get("owner"), more.get("condition")
        decision = QUANCHENG_CITY.rule_index.route(
            RoutingInput(
                class_code=code,
                place=place_codes,
                channel="photo",
                source="snap",
                at=at,
                owner=owner,
                condition=condition,
            )
        )
        return decision.department if isinstance(decision, Routed) else None

    station = (36.713 - 66.5 * 0.0009, 116.9 + 24.5 * 0.00112)
    assert led("E0110") == "minghu-sanitation"
    assert led("E0110", station) == "station-authority"
    assert led("E0401") == "minghu-management"
    assert led("E0401", hour=23) == "night-squad"
    assert led("C0123") == "minghu-management"
    assert led("C0123", condition="1") == "road-maintenance"
    assert led("C0123", owner="telecom") == "telecom"
    assert led("E0110", None) is None


def test_every_department_of_quancheng_is_named_by_a_rule() -> None:
    """A department that no rule names would never receive an order, but for those to which their bureau hands on."""
    selectors = QUANCHENG_CITY.rule_index.departments
    named = {
        selectors.find(lead, QUANCHENG_CITY.geography.locate_code(place.code))
        for rule in QUANCHENG_CITY.pack.routing
        for lead in (rule.lead, *rule.helpers)
        for place in QUANCHENG_CITY.pack.geography.places
    }

    unnamed = QUANCHENG_CITY.departments.keys() - named
    assert unnamed == {each.id for each in QUANCHENG_CITY.departments.values() if each.channel == "bureau"}


def test_class_terms_override_city_terms() -> None:
    matching, screening = QUANCHENG_CITY.matching, QUANCHENG_CITY.screening

    assert effective_matching(matching, "C0137").radius_m == 20
    assert effective_matching(matching, "E0110").radius_m == matching.radius_m
    assert effective_matching(matching, "E0184").off
    assert effective_matching(matching, None).radius_m == matching.radius_m
    assert effective_screening(screening, "E0401").dwell_s == 180
    assert effective_screening(screening, "E0110").dwell_s == 0


def test_grid_codes_have_fifteen_digits_and_name_one_cell_each() -> None:
    grid = QUANCHENG_CITY.pack.geography.grid
    assert grid is not None
    codes = Counter(
        QUANCHENG_CITY.geography.locate(
            grid.north - (run.row + 0.5) * grid.cell_height, grid.west + (column + 0.5) * grid.cell_width
        ).grid
        for run in grid.runs
        for column in range(run.begin, run.end)
    )

    assert max(codes.values()) == 1
    assert all(code and re.fullmatch(r"[0-9]{15}", code) for code in codes)


def test_mapping_has_every_value_of_the_records(records_file: Path) -> None:
    city = load_city(LOSANGELES)
    mapping = city.imports["myla311"]
    with records_file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    columns = mapping.columns
    assert {columns.id, columns.reported_at, columns.promised_on, columns.address} <= rows[0].keys()
    assert {row[columns.category] for row in rows} == {each.value for each in mapping.categories}
    assert {row[columns.owner or ""] for row in rows} == {each.value for each in mapping.owners}
    assert {row[columns.source or ""] for row in rows} <= {each.value for each in mapping.sources}
    assert {row[columns.status] for row in rows} == {each.value for each in mapping.statuses}
    districts = {row[columns.district or ""] for row in rows} - {""}
    assert {city.geography.locate_code(code).district for code in districts} == districts
    for row in rows[:200]:
        datetime.strptime(row[columns.reported_at], mapping.time_format).replace(tzinfo=city.zone)
