"""Our headers are valid CloudEvents, and decoding raises for no record, whoever wrote it."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Literal

import pytest
from cloudevents.core.bindings import kafka as library
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from paidan_chassis.kafka.cloudevents import DecodeError, Headers, decode, encode_body, encode_headers, source_of

MOMENT = datetime(2026, 3, 3, 9, 30, 15, 250000, tzinfo=UTC)


class Opened(BaseModel, extra="forbid"):
    type: Literal["lamp.opened.v1"] = "lamp.opened.v1"
    number: int
    note: str | None = None


class Closed(BaseModel):
    type: Literal["lamp.closed.v1"] = "lamp.closed.v1"


EVENT: TypeAdapter[Opened | Closed] = TypeAdapter(Annotated[Opened | Closed, Field(discriminator="type")])


def lamp_headers(id_: str = "17/a", subject: str = "泉城-1", time: datetime = MOMENT) -> Headers:
    return encode_headers(id_, "/paidan/lamps", "lamp.opened.v1", time, subject, "quancheng")


def test_cloudevents_library_reads_our_headers() -> None:
    message = library.KafkaMessage(dict(lamp_headers()), key=b"quancheng", value=b'{"n": 1}')

    read = library.from_binary(message, JSONFormat())

    assert read.get_id() == "17/a"
    assert read.get_source() == "/paidan/lamps"
    assert read.get_type() == "lamp.opened.v1"
    assert read.get_time() == MOMENT
    assert read.get_subject() == "泉城-1"
    assert read.get_extension("partitionkey") == "quancheng"
    assert read.get_data() == {"n": 1}


def test_an_event_without_a_key_has_no_partitionkey() -> None:
    headers = encode_headers("1", "/paidan/lamps", "lamp.opened.v1", MOMENT, "lamp-1")

    assert [name for name, _ in headers] == [
        "ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time", "ce_subject", "content-type",
    ]  # fmt: skip


def test_percent_sign_is_not_encoded() -> None:
    """Over HTTP values are quoted, over Kafka they are not: two ids that differ must not become one."""
    assert dict(lamp_headers("a%41"))["ce_id"] == b"a%41"


def test_encoding_is_deterministic() -> None:
    assert lamp_headers(time=MOMENT.astimezone(timezone(timedelta(hours=8)))) == lamp_headers()


def test_body_leaves_out_what_is_none() -> None:
    body = encode_body(Opened(number=1))

    assert json.loads(body) == {"type": "lamp.opened.v1", "number": 1}
    assert decode(EVENT.validate_json, body) == Opened(number=1)


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (None, "null_value", "there is no value"),
        (b"{", "unreadable", "not JSON"),
        (b'{"number": 1}', "unknown_type", "type: not a known type"),
        (b'{"type": "secret", "number": 1}', "unknown_type", "type: not a known type"),
        (b'{"type": "lamp.opened.v1", "number": "secret"}', "invalid_field", "number: int_parsing"),
        (b'{"type": "lamp.opened.v1", "number": 1, "a\\u0000b": 1}', "invalid_field", "?: extra_forbidden"),
        (b"[]", "invalid_field", "dict_type"),
    ],
)
def test_error_names_the_invalid_field_and_quotes_no_value(value: bytes | None, reason: str, detail: str) -> None:
    error = decode(EVENT.validate_json, value)

    assert isinstance(error, DecodeError)
    assert (error.reason, error.detail) == (reason, detail)


def test_error_lists_the_first_faults_of_a_body() -> None:
    error = decode(Opened.model_validate_json, b'{"type": 1, "number": "secret"}')

    assert isinstance(error, DecodeError)
    assert error.faults == ("type: literal_error", "number: int_parsing")


@pytest.mark.parametrize(
    ("name", "content", "field"),
    [("ce_source", b"\xff\xfe", "ce_source"), ("ce_id", None, "ce_id"), ("ce_\x00", b"\xff", "?")],
)
def test_error_names_the_invalid_header(name: str, content: bytes | None, field: str) -> None:
    error = decode(EVENT.validate_json, b'{"type": "lamp.closed.v1"}', [*lamp_headers(), (name, content)])

    assert error == DecodeError("bad_header", field, "not UTF-8 text")


def test_other_headers_are_ignored() -> None:
    assert decode(EVENT.validate_json, b'{"type": "lamp.closed.v1"}', [("trace", None), ("odd", b"\xff")]) == Closed()


NAMES = st.sampled_from(["ce_id", "CE_ID", "ce_", "ce_\x00", "content-type", "x", ""])
CONTENTS = st.none() | st.binary(max_size=4) | st.sampled_from([b"1.0", b"\xff", "泉".encode()])
BODIES = st.sampled_from([b"{}", b'{"type": "lamp.closed.v1"}', b'"\xff"', b"[" * 300])
VALUES = st.none() | st.binary(max_size=8) | BODIES


@given(VALUES, st.lists(st.tuples(NAMES, CONTENTS), max_size=4))
def test_decode_never_raises(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    """One malformed header would otherwise lose its whole batch."""
    assert isinstance(decode(EVENT.validate_json, value, headers), (Closed, DecodeError))


def test_every_writer_of_ours_has_its_source_from_one_function() -> None:
    """One style, so that a reader can tell our messages by it."""
    assert source_of("dispatch") == "urn:paidan:dispatch"
    literal = re.compile(r"""["'](urn:paidan:|/?paidan/(intake|dispatch|scoring|\{))""")
    root = Path(__file__).parents[2]
    found = {
        str(file.relative_to(root))
        for folder in ("services", "deploy")
        for file in (root / folder).rglob("*.py")
        if literal.search(file.read_text(encoding="utf-8"))
    }

    assert found == {"services/chassis/paidan_chassis/kafka/cloudevents.py"}
