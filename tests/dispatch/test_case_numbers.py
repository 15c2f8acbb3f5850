"""Case numbers by a city's pattern: a serial an area and local day, in the order in which cases are opened."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from paidan_contracts.actions import Verify
from paidan_contracts.case_records import CaseNumbers
from paidan_contracts.city.case_numbers import CaseNumbering
from paidan_contracts.record_actions import Correct
from paidan_contracts.reports import ImportedHistory, ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.case_numbers import NumberFormat, Serials
from paidan_dispatch.cases.orders import current_order
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.reports import Opened, receive_report
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.builders import build_report, case_after, imported_report, opened_case
from tests.dispatch.sample_pack import pack_document, policy_of

DAY = date(2026, 3, 2)


def _policy(**numbers: object) -> CityPolicy:
    return policy_of(pack_document() | {"numbers": {"pattern": "{class}{yyyyMMdd}{seq4}"} | numbers})


def _opened(report: ReportReceived, serials: Serials, policy: CityPolicy | None = None) -> CaseState:
    opening = receive_report(
        report,
        nearby=CandidateIndex(),
        state_of=lambda _: pytest.fail("there is none"),
        policy=policy or _policy(),
        serials=serials,
    )
    assert isinstance(opening, Opened)
    return opening.after


def _ours(state: CaseState) -> str | None:
    return state.numbers.ours if state.numbers is not None else None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{class}{yyyyMMdd}{seq4}", "E0110202603020007"),
        ("YC{yyyyMMdd}{seq4}", "YC202603020007"),
        ("{district}A{yyyyMMdd}{seq6}", "370102A20260302000007"),
    ],
)
def test_patterns_of_the_trade(pattern: str, expected: str) -> None:
    form = NumberFormat.of(CaseNumbering(pattern=pattern))

    assert form is not None
    assert form.number("E0110", "town.370102", DAY, 7) == expected


def test_serial_past_the_patterns_digits_repeats_no_number() -> None:
    form = NumberFormat.of(CaseNumbering(pattern="YC{yyyyMMdd}{seq4}"))

    assert form is not None
    numbers = [form.number(None, "town", DAY, serial) for serial in (9998, 9999, 10_000, 10_001)]
    assert numbers == ["YC202603029998", "YC202603029999", "YC2026030210000", "YC2026030210001"]
    assert len({form.number(None, "town", DAY, serial) for serial in range(1, 20_001)}) == 20_000


@pytest.mark.parametrize("pattern", ["YC{yyyyMMdd}", "YC-{yyyyMMdd}{seq4}", "{seq4}{yyyyMMdd}", "{month}{seq4}"])
def test_other_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        CaseNumbering(pattern=pattern)


def test_cases_are_counted_by_local_day_and_area() -> None:
    """16:00 UTC is midnight in the city."""
    serials, before_midnight = Serials(), 15 * 60 - 1

    numbers = [
        _ours(_opened(build_report(str(n), minutes=minutes), serials)) for n, minutes in enumerate([0, before_midnight])
    ]
    numbers += [_ours(_opened(build_report("3", minutes=before_midnight + 1), serials))]

    assert numbers == ["E0110202603020001", "E0110202603020002", "E0110202603030001"]
    assert serials.take_changed() == [("town", DAY, 2), ("town", date(2026, 3, 3), 1)]
    assert serials.take_changed() == []


def test_case_of_no_class_and_one_that_awaits_verification_have_numbers_that_never_change() -> None:
    unknown = _opened(build_report(class_code=None), Serials(), _policy(unclassified="Z9"))
    assert _ours(unknown) == "Z9202603020001"
    waiting = _opened(build_report(source="app"), Serials())

    corrected = case_after(waiting, Correct(reason="x", row_id="E0111-1"), policy=_policy())
    verified = case_after(corrected, Verify(verified=True), policy=_policy())

    assert _ours(waiting) == _ours(verified) == "E0110202603020001"
    assert verified.class_code == "E0111"
    assert current_order(verified, _policy()).numbers == verified.numbers


def test_past_takes_no_serial() -> None:
    serials = Serials()

    state = _opened(imported_report(past=ImportedHistory(owner="water")), serials)

    assert (state.numbers, serials.take_changed()) == (None, [])


@pytest.mark.parametrize(
    ("report", "shown"),
    [
        ({}, "1"),
        ({"confidential": True}, None),
        ({"source": "camera", "confidence": 0.9}, None),
    ],
)
def test_sources_own_number_stands_on_the_case_where_it_may_travel(report: dict[str, Any], shown: str | None) -> None:
    state = _opened(build_report(**report), Serials(), _policy(source_refs=True))

    assert state.numbers == CaseNumbers(ours="E0110202603020001", source_ref=shown)
    assert state.numbers != _opened(build_report(**report), Serials()).numbers or shown is None


def test_pack_without_a_pattern_numbers_nothing() -> None:
    assert opened_case().numbers is None
