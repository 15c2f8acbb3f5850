"""Headers are CloudEvents that anybody's library reads, and anybody's headers are read without a fall."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.bindings import kafka as library
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.kafka import cloudevents
from paidan_chassis.kafka.cloudevents import CloudEventAttributes, MalformedHeaders

MOMENT = datetime(2026, 3, 3, 9, 30, 15, 250000, tzinfo=UTC)
ATTRIBUTES = CloudEventAttributes(
    id="0f6d5d6c-5e4f-5d1f-9d8c-3f5b8f7f2a10",
    source="/paidan/dispatch",
    type="case.dispatched.v1",
    time=MOMENT,
    subject="quancheng-00ff",
    partitionkey="quancheng",
    extensions={"origin": "dispatch-3", "sequence": "17", "previous": "16"},
)


def test_cloudevents_library_reads_our_headers() -> None:
    message = library.KafkaMessage(dict(cloudevents.encode(ATTRIBUTES)), key=b"quancheng", value=b'{"n": 1}')

    read = library.from_binary(message, JSONFormat())

    assert read.get_id() == ATTRIBUTES.id
    assert read.get_source() == "/paidan/dispatch"
    assert read.get_type() == "case.dispatched.v1"
    assert read.get_time() == MOMENT
    assert read.get_subject() == "quancheng-00ff"
    assert read.get_extension("sequence") == "17"
    assert read.get_extension("partitionkey") == "quancheng"
    assert read.get_data() == {"n": 1}


def test_we_read_headers_of_the_cloudevents_library() -> None:
    """A department that uses it must be understood."""
    event = CloudEvent(
        attributes={
            "id": "17/a", "source": "/departments/water", "type": "order.accepted.v1", "specversion": "1.0",
            "time": MOMENT, "subject": "泉城-1", "datacontenttype": "application/json",
        },
        data={"n": 1},
    )  # fmt: skip
    message = library.to_binary(event, JSONFormat())

    read = cloudevents.decode(message.headers.items())

    assert read == CloudEventAttributes("17/a", "/departments/water", "order.accepted.v1", MOMENT, "泉城-1")


def test_encode_decode_round_trip() -> None:
    assert cloudevents.decode(cloudevents.encode(ATTRIBUTES)) == ATTRIBUTES


def test_percent_sign_is_not_decoded() -> None:
    """Over HTTP values are quoted, over Kafka they are not: two ids that differ must not become one."""
    plain = CloudEventAttributes(id="a%41", source="/departments/water", type="t", time=MOMENT)

    assert cloudevents.decode(cloudevents.encode(plain)) == plain


def test_encoding_is_deterministic() -> None:
    other_order = CloudEventAttributes(
        **{
            **{name: getattr(ATTRIBUTES, name) for name in ATTRIBUTES.__slots__},
            "extensions": dict(reversed(ATTRIBUTES.extensions.items())),
            "time": MOMENT.astimezone(timezone(timedelta(hours=8))),
        }
    )

    assert cloudevents.encode(other_order) == cloudevents.encode(ATTRIBUTES)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ce_id", None, "ce_id: null"),
        ("ce_id", b"", "ce_id: missing"),
        ("ce_source", b"\xff\xfe", "ce_source: not UTF-8"),
        ("ce_anything", b"\xff", "ce_anything: not UTF-8"),
        ("ce_specversion", b"0.3", "ce_specversion: not 1.0"),
        ("ce_time", b"yesterday", "ce_time: not an RFC 3339"),
        ("ce_time", b"2026-03-03T09:30:15", "ce_time: without an offset"),
    ],
)
def test_error_names_the_invalid_header(name: str, value: bytes | None, problem: str) -> None:
    headers = dict[str, bytes | None](cloudevents.encode(ATTRIBUTES)) | {name: value}

    read = cloudevents.decode(headers.items())

    assert isinstance(read, MalformedHeaders)
    assert problem in str(read)


def test_other_headers_are_ignored() -> None:
    assert cloudevents.decode([*cloudevents.encode(ATTRIBUTES), ("trace", None), ("odd", b"\xff")]) == ATTRIBUTES


NAMES = st.sampled_from(
    ["ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time", "CE_ID", "ce_", "content-type", "x", ""]
)
VALUES = st.none() | st.binary(max_size=4) | st.sampled_from([b"1.0", b"a", b"2026-03-03T00:00:00Z", b"%", b"%3A"])


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_decode_never_raises_unexpected_errors(headers: list[tuple[str, bytes | None]]) -> None:
    """One odd header used to kill the parser and lose its whole batch."""
    read = cloudevents.decode(headers)

    assert isinstance(read, (CloudEventAttributes, MalformedHeaders))
