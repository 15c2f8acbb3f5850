"""What of a report travels, what stays in the vault, and what its sender is told about it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from paidan_intake.normalization import NormalizedReport, Sender, VaultContent, normalize
from paidan_intake.report_digest import DigestKeys
from paidan_intake.tickets import Ticket
from tests.contracts.city_packs import load_tiny
from tests.intake.ticket_payloads import build_ticket

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
CITY = load_tiny()
KEYS = DigestKeys(b"k" * 32)


def normalize_body(**body: Any) -> NormalizedReport:  # noqa: ANN401 - the body of a ticket
    """Return the report that a hotline's ticket becomes."""
    ticket = Ticket.model_validate(build_ticket(**body))
    found = normalize(ticket, Sender(CITY.sources["hotline"], CITY), NOW, digest_keys=KEYS)
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


@pytest.mark.parametrize("name", ["confidential", "secrecy"])
def test_confidential_report_keeps_its_words_address_and_person_in_the_vault(name: str) -> None:
    reporter = {"name": "王敏", "phone": "13812345678", "address": "西街1号"}
    found = normalize_body(
        text="邻居夜里倾倒垃圾", address="西街2号", category="举报邻居", reporter=reporter, **{name: True}
    )

    travels = found.report.model_dump_json()
    assert found.report.confidential
    assert (found.report.text, found.report.place.address, found.report.category) == ("", None, None)
    assert not [word for word in ("邻居", "西街", "王敏", "13812345678") if word in travels]
    assert found.report.place.district == "990101", "or no department could be found"
    assert found.vault_content is not None
    assert (found.vault_content.text, found.vault_content.address) == ("邻居夜里倾倒垃圾", "西街2号")
    assert (found.vault_content.category, found.vault_content.secrecy) == ("举报邻居", True)


def test_category_of_the_pack_travels_with_a_confidential_report() -> None:
    found = normalize_body(category="环境卫生/暴露垃圾", text="密", confidential=True)

    assert (found.report.category, found.report.class_code) == ("环境卫生/暴露垃圾", "E0110")


@given(st.sets(st.sampled_from(["text", "address", "category", "name", "phone", "home"])), st.booleans())
def test_every_word_is_exactly_where_it_belongs(given_fields: set[str], confidential: bool) -> None:
    """Unique words in every field: what travels holds those of the problem, the vault all of them."""
    words = {
        "text": "树倒压线", "address": "梧桐里七号", "category": "绿化杂项", "name": "欧阳静", "phone": "13912345678",
        "home": "枣园二栋",
    }  # fmt: skip
    said = {name: words[name] for name in given_fields}
    reporter = {"name": said.get("name"), "phone": said.get("phone"), "address": said.get("home")}
    found = normalize_body(
        text="，".join(said.values()) if "text" in said else "",
        address="，".join([said[name] for name in ("address", "name", "phone") if name in said]) or None,
        category="，".join([said[name] for name in ("category", "phone", "home") if name in said]) or None,
        reporter=reporter if any(reporter.values()) else None,
        confidential=confidential,
    )

    travels = found.report.model_dump_json()
    kept = TypeAdapter(VaultContent | None).dump_json(found.vault_content).decode()
    text, place, category = found.report.text, found.report.place.address or "", found.report.category or ""
    for name in ("name", "phone", "home"):
        assert words[name] not in travels
    for name, field in (("text", text), ("address", place), ("category", category)):
        assert (words[name] in field) == (name in said and not confidential)
    assert all(
        word in kept
        for name, word in said.items()
        if name != "category" or confidential or said.keys() & {"phone", "home"}
    )
