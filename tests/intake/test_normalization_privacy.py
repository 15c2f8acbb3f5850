"""What of a report travels, what stays in the vault, and what its sender is told about it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from paidan_intake.normalization import NormalizedReport, Sender, normalize
from paidan_intake.tickets import Ticket
from tests.contracts.city_packs import load_tiny
from tests.intake.ticket_payloads import build_ticket

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
CITY = load_tiny()


def normalize_body(**body: Any) -> NormalizedReport:  # noqa: ANN401 - the body of a ticket
    """Return the report that a hotline's ticket becomes."""
    ticket = Ticket.model_validate(build_ticket(**body))
    found = normalize(ticket, Sender(CITY.sources["hotline"], CITY), NOW)
    assert isinstance(found, NormalizedReport)
    return found


@pytest.mark.parametrize("address", ["幸福小区3号楼2单元", "幸福小区 3号楼 2单元", "西街1号", "高新区"])
def test_problems_address_stays_even_where_it_is_the_reporters_own(address: str) -> None:
    found = normalize_body(
        address=address, district="990101", position=None, reporter={"name": "王敏", "address": address}
    )

    assert found.report.place.address == address
    assert found.masked == {}


def test_person_and_numbers_in_the_problems_address_are_masked_and_named_by_field() -> None:
    found = normalize_body(
        text="我家在幸福小区3号楼2单元，漏水",
        address="幸福小区3号楼2单元 王敏 138 1234 5678",
        category="王敏家漏水",
        reporter={"name": "王敏", "phone": "13812345678", "address": "幸福小区3号楼2单元"},
    )

    assert found.report.place.address == "幸福小区3号楼2单元 ** *************"
    assert found.report.text == "我家在**********，漏水"
    assert found.masked == {
        "text": {"named": 1}, "address": {"named": 1, "mobile": 1}, "category": {"named": 1}
    }  # fmt: skip


def test_address_that_names_a_street_of_the_city_does_not_eat_the_street() -> None:
    street = next(place.names.zh for place in CITY.pack.geography.places if place.level == "street")

    found = normalize_body(text=f"{street}上路灯不亮", reporter={"name": "王敏", "address": street})

    assert found.report.text == f"{street}上路灯不亮"


def test_hidden_and_control_characters_do_not_travel() -> None:
    found = normalize_body(
        source_ref="GD\u202e1\x1b[0m", text="红\x1b[31m\u200b色", address="西\u2066街", category="别的\x07事"
    )

    assert (found.report.source_ref, found.report.text) == ("GD1[0m", "红[31m色")
    assert (found.report.place.address, found.report.category) == ("西街", "别的事")
    assert found.vault_content is not None
    assert found.vault_content.text == "红\x1b[31m\u200b色", "the vault keeps what was sent"
