"""What a ticket means in its city: blanks, words, places and times, and the notes that tell its sender."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import ValidationError

from paidan_contracts.city.loader import load_city
from paidan_intake.normalization import NormalizedReport, RefusedTicket, Sender, normalize
from paidan_intake.notes import make_note
from paidan_intake.report_digest import DigestKeys
from paidan_intake.resolution import AttachedPhoto
from paidan_intake.tickets import Position, Ticket
from tests.intake.intake_service import TINY

CITY: Final = load_city(TINY)
HOTLINE: Final = Sender(CITY.sources["hotline"], CITY)
KEYS: Final = DigestKeys(b"a key of digests in tests")
NOW: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)
INSIDE: Final = {"x": 117.005, "y": 36.005, "crs": "wgs84"}


def parse(**fields: object) -> Ticket:
    """Return a ticket as it is read from JSON."""
    return Ticket.model_validate_json(json.dumps({"source_ref": "a", "text": "垃圾"} | fields))


def read(photos: tuple[AttachedPhoto, ...] = (), **fields: object) -> NormalizedReport:
    """Return the report that a ticket becomes at noon."""
    normalized = normalize(parse(**fields), HOTLINE, NOW, photos, digest_keys=KEYS)
    assert isinstance(normalized, NormalizedReport)
    return normalized


def codes(normalized: NormalizedReport) -> list[str]:
    return [note.code for note in normalized.notes]


CODES: Final = ("source", "city", "class_code", "condition", "district", "suggested_owner")
BLANK: Final[tuple[object, ...]] = (None, "", "  ")
ABSENT: Final[dict[str, tuple[object, ...]]] = {
    **dict.fromkeys((*CODES, "matter", "category", "address", "text", "wants_callback", "secrecy", "photos"), BLANK),
    "occurred_at": BLANK,
    "position": (*BLANK, {}, {"x": None, "y": None}, {"x": "", "y": "", "crs": ""}),
    "reporter": (*BLANK, {}, {"name": None, "phone": ""}),
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in ABSENT for value in ABSENT[field]])
def test_null_and_blank_are_absent(field: str, value: object) -> None:
    """They are one report in every spelling: a retry through another program has the same digest."""
    assert Ticket.model_validate_json(json.dumps({"source_ref": "a", field: value})) == Ticket(source_ref="a")


@pytest.mark.parametrize(
    ("field", "number", "text"),
    [
        ("source_ref", 2026030200017, "2026030200017"),
        ("category", 887, "887"),
        ("district", 990101, "990101"),
        ("condition", 2, "2"),
        ("text", 13, "13"),
        ("address", 5, "5"),
    ],
)
def test_a_number_is_its_text(field: str, number: float, text: str) -> None:
    assert getattr(parse(**{field: number}), field) == text
    assert parse(**{field: float(number)}) == parse(**{field: text})


def test_a_reporters_number_is_its_text() -> None:
    reporter = parse(reporter={"phone": 13812345678, "name": ""}).reporter

    assert reporter is not None
    assert (reporter.phone, reporter.name) == ("13812345678", None)


@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_required_field_that_is_blank_is_missing(value: object) -> None:
    with pytest.raises(ValidationError) as error:
        parse(source_ref=value)

    assert [(each["loc"], each["type"]) for each in error.value.errors()] == [(("source_ref",), "missing")]


def test_half_a_position_names_its_other_half() -> None:
    with pytest.raises(ValidationError) as error:
        parse(position={"x": 117, "y": None})

    assert error.value.errors()[0]["loc"] == ("position", "y")


@pytest.mark.parametrize("crs", ["GCJ-02", "gcj_02", "GCJ02", "BD-09", "WGS 84"])
def test_a_datum_may_be_spelt_as_usual(crs: str) -> None:
    position = parse(position={"x": 117, "y": 36, "crs": crs}).position

    assert position is not None
    assert position.crs in ("gcj02", "bd09", "wgs84")


@pytest.mark.parametrize(
    ("word", "matter"),
    [
        ("投诉", "complaint"),
        ("complaint", "complaint"),
        ("投诉举报", "complaint"),
        ("其它", "other"),
        ("意见", "suggestion"),
        ("求助类", None),
        ("grumble", None),
        (7, None),
    ],
)
def test_matters_are_the_words_of_the_pack(word: object, matter: str | None) -> None:
    normalized = read(matter=word, position=INSIDE)

    assert normalized.report.matter == matter
    assert codes(normalized) == ([] if matter else ["unknown_matter"])


@pytest.mark.parametrize(
    ("position", "note"),
    [
        ({"x": 0, "y": 0}, "position_of_nobody"),
        ({"x": 0.0065, "y": 0.006, "crs": "bd09"}, "position_of_nobody"),
        ({"x": 117.02013, "y": 36.01011, "crs": "wgs84"}, "position_of_nobody"),
        ({"x": 45.293701447, "y": -75.8303914499}, "position_outside_city"),
        ({"x": 36.005, "y": 80, "crs": "wgs84"}, "position_outside_city"),
    ],
)
def test_a_position_that_is_no_place_is_kept_and_not_matched_by(position: dict[str, Any], note: str) -> None:
    """Two streets at one such point would be merged at 0.0 m, and the second never reach anybody."""
    normalized = read(position=position, address="东街5号", district="990102")
    place = normalized.report.place

    assert codes(normalized) == [note]
    assert (place.latitude, place.longitude, place.grid) == (None, None, None)
    assert place.raw is not None
    assert (place.raw.x, place.raw.y) == (position["x"], position["y"])
    assert (place.district, place.address) == ("990102", "东街5号")


def test_a_position_near_a_placeholder_is_a_place() -> None:
    normalized = read(position={"x": 117.0203, "y": 36.0101, "crs": "wgs84"})

    assert (codes(normalized), normalized.report.place.longitude) == ([], 117.0203)


def test_a_photos_position_replaces_one_that_is_no_place() -> None:
    photo = AttachedPhoto("0" * 64 + ".jpg", "0" * 64, Position(x=117.005, y=36.005, crs="wgs84"))

    normalized = read((photo,), position={"x": 0, "y": 0})

    assert (codes(normalized), normalized.report.place.district) == (["position_from_photo"], "990101")


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"district": "990102"}, "district_contradicts_position"),
        ({"suggested_owner": "nobody"}, "unknown_owner"),
        ({"class_code": "C0137", "condition": "9"}, "unknown_condition"),
        ({"class_code": "E9999"}, "unknown_class"),
        ({"category": "外星人"}, "unknown_category"),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, "occurred_at_in_future"),
        ({"occurred_at": "2026-03-03T00:00:00"}, "occurred_at_in_future"),
        ({"occurred_at": "9999-12-31T23:59:59-08:00"}, "occurred_at_in_future"),
        ({"occurred_at": "1970-01-01T00:00:00Z"}, "occurred_at_implausible"),
        ({"occurred_at": "0001-01-01T00:00:00"}, "occurred_at_implausible"),
        ({"occurred_at": "2000-01-01 00:00:07"}, "occurred_at_implausible"),
        ({"occurred_at": 0}, "occurred_at_implausible"),
    ],
)
def test_the_sender_is_told_what_was_read_otherwise(fields: dict[str, Any], note: str) -> None:
    normalized = read(position=INSIDE, **fields)
    [told] = normalized.notes

    assert told.code == note
    assert told.field in ("class_code", "category", "district", "suggested_owner", "condition", "occurred_at")
    value = str(fields.get(told.field, ""))
    assert (
        note.startswith("occurred_at")
        or told.field == "category"
        or (value in told.message and value in told.message_zh)
    )
    if note.startswith("occurred_at"):
        assert normalized.report.occurred_at == NOW


def test_an_owner_that_is_no_department_does_not_travel() -> None:
    """A word that nobody masks could be a telephone number, and of a confidential report none leaves."""
    assert read(suggested_owner="13912345678").report.suggested_owner is None
    assert read(suggested_owner="streets").report.suggested_owner == "streets"


def test_a_time_without_a_zone_is_the_citys() -> None:
    assert read(occurred_at="2026-03-02T09:30:00").report.occurred_at == datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    assert read(occurred_at="2026-03-02T09:30:00-8:00", position=INSIDE).notes[0].code == "occurred_at_in_future"
    assert codes(read(occurred_at="2026-03-02T12:30:00", position=INSIDE)) == [], "clocks differ a little"


@pytest.mark.parametrize("taken_at", [datetime(2000, 1, 1, tzinfo=UTC), datetime(2150, 1, 1, tzinfo=UTC)])
def test_a_photos_clock_that_was_not_set_gives_no_time(taken_at: datetime) -> None:
    """The time of receipt is used, or that of another photo."""
    lost = AttachedPhoto("0" * 64 + ".jpg", "0" * 64, None, taken_at)
    right = AttachedPhoto("1" * 64 + ".jpg", "1" * 64, None, NOW - timedelta(hours=1))

    assert read((lost,)).report.occurred_at == NOW
    assert read((lost, right)).report.occurred_at == NOW - timedelta(hours=1)


def test_an_agreeing_district_is_no_contradiction() -> None:
    assert codes(read(position=INSIDE, district="990101")) == []
    assert codes(read(position=INSIDE, district="990101001")) == []


@pytest.mark.parametrize(
    "fields", [{}, {"text": " "}, {"matter": "投诉"}, {"district": "990101"}, {"reporter": {"phone": "13812345678"}}]
)
def test_a_report_that_says_nothing_is_refused(fields: dict[str, Any]) -> None:
    refusal = normalize(Ticket(source_ref="n1", **fields), HOTLINE, NOW, digest_keys=KEYS)

    assert isinstance(refusal, RefusedTicket)
    assert (refusal.code, refusal.field) == ("invalid", "text")
    for name in ("text", "category", "position", "address", "photos"):
        assert name in refusal.message
        assert name in refusal.message_zh


def test_a_record_of_the_past_may_be_of_any_time() -> None:
    importer = Sender(CITY.sources["hotline"], CITY, may_backdate=True)
    old = (NOW - timedelta(days=9000)).isoformat()

    normalized = normalize(parse(occurred_at=old, past={}, position=INSIDE), importer, NOW, digest_keys=KEYS)

    assert isinstance(normalized, NormalizedReport)
    assert (normalized.report.occurred_at.isoformat(), codes(normalized)) == (old, [])


def test_every_note_has_both_languages() -> None:
    note = make_note("district_contradicts_position", value="1", found="2")

    assert {"1", "2"} <= set(note.message) & set(note.message_zh)
