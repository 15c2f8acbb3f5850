"""From a point that many addresses share, such as a geocoder's fall-back, no merge follows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases.policy import CityPolicy
from tests.dispatch.builders import build_report, receive_reports
from tests.dispatch.sample_pack import pack_document, policy_of


def _policy(addresses_per_point: int = 2) -> CityPolicy:
    pack = pack_document()
    pack["matching"]["addresses_per_point"] = addresses_per_point
    return policy_of(pack)


def _report(number: int, address: str | None, *, east_m: float = 0, **more: Any) -> ReportReceived:  # noqa: ANN401
    place = {"latitude": 36.0, "longitude": 117.0 + east_m / 89_960, "district": "1", "address": address}
    return build_report(f"{number}", minutes=number, place=place, **more)


def _openers(*reports: ReportReceived, policy: CityPolicy | None = None) -> list[str]:
    """Return for each report the ref of the one that opened its case."""
    refs = {each.report_id: each.source_ref for each in reports}
    return [refs[step.after.opened_by] for step in receive_reports(*reports, policy=policy or _policy())]


def test_no_merge_follows_beyond_the_packs_number_of_addresses() -> None:
    reports = [_report(number, f"street {number}") for number in range(6)]

    assert _openers(*reports) == ["0", "0", "2", "3", "4", "5"]
    assert _openers(*reports, policy=_policy(4)) == ["0", "0", "0", "0", "4", "5"]
    assert _openers(*reports, policy=_policy(1)) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("address", ["幸福路9号", "幸福路 9号", "幸福路９号", "幸福路9号 "])
def test_one_address_in_several_spellings_is_one(address: str) -> None:
    assert _openers(_report(0, "幸福路9号"), _report(1, address), policy=_policy(1)) == ["0", "0"]


def test_reports_without_an_address_say_nothing_about_the_point() -> None:
    assert _openers(_report(0, None), _report(1, None), _report(2, "a"), policy=_policy(1)) == ["0", "0", "0"]


def test_nothing_near_a_shared_point_joins_what_lies_there() -> None:
    """But what has a position of its own matches its like."""
    shared = [_report(number, f"street {number}") for number in range(3)]

    assert _openers(*shared, _report(3, "corner", east_m=10), _report(4, "corner", east_m=12)) == [
        "0",
        "0",
        "2",
        "3",
        "3",
    ]


def test_report_at_a_shared_point_joins_nothing_near_it() -> None:
    shared, near = [_report(number, f"street {number}") for number in (1, 2, 3, 4)], _report(9, "corner", east_m=10)

    assert _openers(*shared[:3], near, shared[3]) == ["1", "1", "3", "9", "4"]


def test_point_is_known_by_what_joined_a_case_near_it() -> None:
    near, shared = _report(0, "corner", east_m=10), [_report(number, f"street {number}") for number in (1, 2, 3)]

    assert _openers(near, *shared) == ["0", "0", "0", "3"]


def test_points_of_another_class_are_another_matter() -> None:
    reports = [_report(number, f"street {number}", class_code="E0110") for number in range(3)]

    other = [_report(number, "street 9", class_code="E0111") for number in (7, 8)]

    assert _openers(*reports, *other)[-2:] == ["7", "7"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([0, 10])), max_size=8), st.integers(1, 3))
def test_the_first_addresses_of_a_point_alone_are_merged(reports: list[tuple[str, int]], limit: int) -> None:
    """Whatever comes first: a case never holds more addresses of its own point than the pack allows."""
    arrived = [_report(number, address, east_m=east) for number, (address, east) in enumerate(reports)]

    held: dict[str, set[str]] = {}
    for report, opener in zip(arrived, _openers(*arrived, policy=_policy(limit)), strict=True):
        origin = next(each for each in arrived if each.source_ref == opener)
        if origin.place == report.place or origin.place.longitude == report.place.longitude:
            held.setdefault(opener, set()).add(str(report.place.address))
    assert all(len(addresses) <= limit for addresses in held.values())
