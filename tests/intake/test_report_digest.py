"""A retry is the same report however it is spelt, and under whichever key its digest was stored."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.places import RawPosition
from paidan_contracts.reports import AlarmRaised
from paidan_intake.alarms import normalize_alarm
from paidan_intake.report_digest import DigestKeys, ReportDigest, UnknownDigestKey, digest_alarm, digest_ticket
from paidan_intake.tickets import Ticket
from tests.contracts.city_packs import load_tiny

ZONE = ZoneInfo("Asia/Shanghai")
KEYS = DigestKeys(b"a" * 32)
BODY: dict[str, Any] = {
    "source_ref": "GD1", "matter": "complaint", "category": "垃圾", "text": "电话13812345678",
    "position": {"x": 117.0, "y": 36.5}, "occurred_at": "2026-03-02T10:00:00+08:00",
    "reporter": {"name": "王敏", "phone": "13812345678"}, "wants_callback": True,
}  # fmt: skip


def digest_of(
    keys: DigestKeys = KEYS, city: str = "tiny", uploads: tuple[str, ...] = (), **body: object
) -> ReportDigest:
    """Return the digest of the ticket with these changes."""
    ticket = Ticket.model_validate(BODY | body)
    return digest_ticket(ticket, city, ZONE, uploads, keys)


@pytest.mark.parametrize(
    "body",
    [
        {"occurred_at": "2026-03-02T02:00:00Z"},
        {"occurred_at": "2026-03-02T02:00:00.000+00:00"},
        {"occurred_at": "2026-03-01T18:00:00-08:00"},
        {"matter": "投诉"},
        {"position": {"x": 117, "y": 36.50, "crs": None}},
        {"address": None, "photos": [], "secrecy": False, "confidential": False, "past": None},
        {"reporter": {"phone": "13812345678", "address": None, "name": "王敏"}},
        {"source": "hotline", "city": "tiny"},
    ],
)
def test_other_spelling_is_the_same_report(body: dict[str, Any]) -> None:
    assert digest_of(**body).value == digest_of().value


def test_promise_is_content_however_its_time_is_spelt() -> None:
    local, utc = (digest_of(promised_by=each).value for each in ("2026-03-09 18:00", "2026-03-09T10:00:00Z"))
    assert local == utc != digest_of(promised_by="2026-03-09T10:00:01Z").value


def test_either_name_of_confidential_is_the_same() -> None:
    assert digest_of(confidential=True).value == digest_of(secrecy=True).value != digest_of().value


@pytest.mark.parametrize(
    "body",
    [
        {"text": "电话13812345679"},
        {"reporter": {"name": "王敏"}},
        {"occurred_at": "2026-03-02T10:00:01+08:00"},
        {"occurred_at": None},
        {"promised_by": "2026-03-09T18:00:00"},
        {"matter": "help"},
        {"position": {"x": 117.0, "y": 36.5, "crs": "gcj02"}},
        {"past": {"promised_by": "2026-03-02T10:00:00+08:00"}},
    ],
)
def test_other_content_is_another_report(body: dict[str, Any]) -> None:
    assert not digest_of(**body).matches(digest_of().value, KEYS.version)


def test_photos_and_city_are_content() -> None:
    assert (
        len({digest_of(city=city, uploads=uploads).value for city in "ab" for uploads in ((), ("1",), ("1", "2"))}) == 6
    )


@given(key=st.binary(max_size=200), content=st.binary(max_size=300))
def test_digest_is_the_hmac_of_the_content(key: bytes, content: bytes) -> None:
    keys = DigestKeys(key)

    assert keys.sign(content, keys.version) == hmac.new(key, content, "sha256").hexdigest()


def test_digest_cannot_be_found_without_the_key() -> None:
    """Of a masked text and a plain hash, the number would be found by trying all of them."""
    assert digest_of(DigestKeys(b"b" * 32)).value != digest_of().value


def test_retry_after_a_rotation_of_the_key_is_the_same_report() -> None:
    rotated = DigestKeys(b"b" * 32, b"a" * 32)

    assert digest_of(rotated).version != KEYS.version
    assert digest_of(rotated).matches(digest_of().value, KEYS.version)
    assert not digest_of(rotated, text="别的").matches(digest_of().value, KEYS.version)


def test_retry_under_a_key_that_is_gone_is_undecided() -> None:
    with pytest.raises(UnknownDigestKey):
        digest_of(DigestKeys(b"b" * 32)).matches(digest_of().value, KEYS.version)


def test_keys_derived_from_the_vaults_remain_when_one_of_their_own_is_set() -> None:
    derived = DigestKeys.of([], [b"v" * 32])

    assert digest_of(DigestKeys.of([b"n" * 32], [b"v" * 32])).matches(digest_of(derived).value, derived.version)


@pytest.mark.parametrize(
    ("matter", "stored_matter"), [("complaint", "complaint"), ("投诉", "complaint"), ("Complaint ", "Complaint ")]
)
def test_retry_of_what_release_0_1_stored_is_the_same_report(matter: str, stored_matter: str) -> None:
    """The digest as release 0.1 computed it, of the ticket as it came."""
    stored = (
        f'{{"source_ref":"GD1","matter":"{stored_matter}"'
        ',"category":"垃圾","text":"电话13812345678",'
        '"position":{"x":117.0,"y":36.5},"reporter":{"name":"王敏","phone":"13812345678"},"wants_callback":true,'
        '"secrecy":true,"occurred_at":"2026-03-02T10:00:00+08:00"}'
    )
    plain = hashlib.sha256(b"\n".join([b"tiny", stored.encode(), b"upload"])).hexdigest()

    assert digest_of(uploads=("upload",), matter=matter, secrecy=True).matches(plain, None)
    assert not digest_of(uploads=("other",), matter=matter, secrecy=True).matches(plain, None)


def build_alarm(**fields: object) -> AlarmRaised:
    position = RawPosition(x=117.0, y=36.5, crs="wgs84")
    usual: dict[str, Any] = {
        "source": "camera",
        "alarm_ref": "a",
        "camera": "c",
        "category": "890",
        "position": position,
    }
    return AlarmRaised(**usual | {"occurred_at": datetime(2026, 3, 2, 2, tzinfo=UTC)} | fields)


def test_alarm_over_http_and_over_kafka_is_one() -> None:
    """HTTP publishes it masked; a platform that writes to Kafka itself does not."""
    raw, masked = build_alarm(text="13812345678"), build_alarm(text="***********")
    local = build_alarm(text="***********", occurred_at=datetime(2026, 3, 2, 10, tzinfo=ZONE))

    over_kafka = digest_alarm(raw, masked, "tiny", ZONE)

    assert digest_alarm(masked, masked, "tiny", ZONE).matches(over_kafka.value, over_kafka.version)
    assert digest_alarm(local, local, "tiny", ZONE).matches(over_kafka.value, over_kafka.version)


def test_subject_of_an_alarm_holds_no_personal_data_and_is_the_same_over_both_doors() -> None:
    """A category that the pack does not have is free text; what was seen of it is stored."""
    raw = normalize_alarm(build_alarm(category="找李四13812345678"), load_tiny())
    over_http = normalize_alarm(raw.masked_alarm, load_tiny())

    assert "13812345678" not in raw.subject.kind
    assert raw.subject == over_http.subject
    assert raw.subject != normalize_alarm(build_alarm(category="井盖"), load_tiny()).subject


def test_retry_of_an_alarm_that_release_0_1_stored_is_the_same() -> None:
    alarm = build_alarm()
    stored = alarm.model_dump_json(exclude_defaults=True, exclude={"source", "city"}).encode()

    assert digest_alarm(alarm, alarm, "tiny", ZONE).matches(hashlib.sha256(b"tiny\n" + stored).hexdigest(), None)
