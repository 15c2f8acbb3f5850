"""Forms: whole or refused, parts by their names, within limits, and never a 500."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from starlette.requests import Request

from paidan_chassis.edge.problems import Problem
from paidan_intake.api.uploads import UploadForm, read_form
from tests.intake.intake_service import IntakeService
from tests.intake.sample_photos import make_jpeg

FORM: Final = "multipart/form-data; boundary=b"
ESCAPED: Final = {"content-type": f"{FORM}; charset=unicode_escape"}
PHOTO: Final = make_jpeg()


def part(name: bytes, value: bytes, *headers: bytes) -> bytes:
    """Return a part of a form, without the boundary after it."""
    lines = (b'Content-Disposition: form-data; name="' + name + b'"', *headers)
    return b"--b\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + value + b"\r\n"


def form_part(name: bytes, value: bytes) -> bytes:
    """Return a form with one part."""
    return part(name, value) + b"--b--\r\n"


async def read(raw: bytes, *, content_type: str = FORM, size: int = 1_000_000) -> UploadForm:
    """Return the parts of a form that arrives in pieces of this size."""
    pieces = iter([raw[start : start + size] for start in range(0, len(raw), size)])

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type.encode())]}
    return await read_form(Request(scope, receive), 50_000_000)


REPORT: Final = part(b"report", b'{"source_ref": "two"}', b"Content-Type: application/json")
WHOLE: Final = REPORT + part(b"photo", PHOTO) + part(b"photo", PHOTO) + b"--b--"


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
async def test_parts_are_read_by_their_names(size: int) -> None:
    """A part is a photo because it is called so, with a file name or without one."""
    named = part(b'photo"; filename="\\ud800', PHOTO, b"Content-Type: image/jpeg")

    form = await read(REPORT + part(b"photo", PHOTO) + named + b"--b--\r\nepilogue", size=size)

    assert (form.report, form.uploads) == (b'{"source_ref": "two"}', [PHOTO, PHOTO])


async def test_a_file_input_without_a_choice_is_no_photo() -> None:
    """Browsers send it as a file without a name and without a byte; one that has a name is a photo at fault."""
    unfilled = part(b'photo"; filename="', b"", b"Content-Type: application/octet-stream")
    emptied = part(b'photo"; filename="a.jpg', b"")

    form = await read(REPORT + unfilled + part(b"photo", PHOTO) + emptied + b"--b--\r\n")

    assert form.uploads == [PHOTO, b""]


@pytest.mark.parametrize(
    "end",
    [
        len(REPORT) // 2,
        len(REPORT),
        len(REPORT) + 40,
        len(REPORT) + len(PHOTO) // 2,
        len(WHOLE) - 200,
        len(WHOLE) - 7,
        len(WHOLE) - 5,
        len(WHOLE) - 2,
        len(WHOLE) - 1,
    ],
)
async def test_what_ends_before_its_closing_boundary_is_no_form(end: int) -> None:
    """A form that lost its end in a proxy would be stored without it, and its repetition refused as another report."""
    assert len((await read(WHOLE)).uploads) == 2
    for ending in (b"", b"\r\n"):
        with pytest.raises(Problem) as refusal:
            await read(WHOLE[:end] + ending)
        assert (refusal.value.status, refusal.value.code) == (400, "invalid_multipart")


@pytest.mark.parametrize(
    "raw",
    [
        part(b"photo", PHOTO, *[b"X-%d: y" % number for number in range(100)]),
        part(b"photo", PHOTO, b"X: " + b"y" * 10_000),
        part(b"photo", PHOTO, b"X" * 10_000 + b": y"),
        b"--b\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--b--",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        b"--c\r\n\r\n",
    ],
    ids=["100 headers", "a long value", "a long name", "no disposition", "no name", "another boundary"],
)
async def test_headers_of_parts_are_limited(raw: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        await read(raw)

    assert (refusal.value.status, refusal.value.code) == (400, "invalid_multipart")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=", "text/plain"])
async def test_a_form_has_a_boundary(content_type: str) -> None:
    with pytest.raises(Problem) as refusal:
        await read(WHOLE, content_type=content_type)

    assert refusal.value.code == "invalid_multipart"


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (part(b"photo", b"x") * 10, "photo"),
        (REPORT * 2, "report"),
        (part(b"report", b"x" * 200_000), "report"),
        (part(b"other", b"x"), "other"),
        (part("照片".encode(), b"x"), "照片"),
    ],
    ids=["ten photos", "two reports", "a long report", "another name", "a Chinese name"],
)
async def test_unexpected_parts_are_refused_before_the_form_ends(raw: bytes, field: str) -> None:
    with pytest.raises(Problem) as refusal:
        await read(raw + b"--b\r\n")

    assert (refusal.value.status, refusal.value.field) == (422, field)


@pytest.mark.parametrize(
    ("name", "value", "status", "field"),
    [
        (rb"\ud800", b"x", 422, r"\ud800"),
        (b"report", rb'{"text": "\ud800"}', 400, "report"),
    ],
)
async def test_lone_surrogate_is_refused_by_its_part(
    intake: IntakeService, name: bytes, value: bytes, status: int, field: str
) -> None:
    """The charset that a sender states is not used: names and texts are UTF-8."""
    async with intake.client("photo") as client:
        response = await client.post(
            "/v1/photo-reports", content=part(b"photo", PHOTO) + form_part(name, value), headers=ESCAPED
        )

    assert (response.status_code, response.json()["error"]["field"]) == (status, field)


async def test_a_cut_form_leaves_its_id_free(intake: IntakeService) -> None:
    """Sent again whole it is accepted: nothing of the first was stored."""
    report = json.dumps({"source_ref": uuid.uuid4().hex, "category": "rubbish"}).encode()
    whole = part(b"report", report) + part(b"photo", PHOTO) + part(b"photo", make_jpeg(colour="red")) + b"--b--\r\n"

    async with intake.client("photo") as client:
        cut = await client.post("/v1/photo-reports", content=whole[:-400], headers={"content-type": FORM})
        again = await client.post("/v1/photo-reports", content=whole, headers={"content-type": FORM})

    assert (cut.status_code, cut.json()["error"]["code"]) == (400, "invalid_multipart")
    assert (again.status_code, len(again.json()["photos"])) == (202, 2)


async def test_a_streamed_form_is_refused_early(intake: IntakeService) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield part(b"other", b"x")
        for _ in range(30):
            yield b"y" * 1_000_000

    async with intake.client("photo") as client:
        response = await client.post("/v1/photo-reports", content=endless(), headers={"content-type": FORM})

    assert response.status_code in (413, 422)


@pytest.mark.parametrize("charset", ["", "; charset=gbk", "; charset=latin-1"])
async def test_text_in_another_encoding_is_refused(charset: str) -> None:
    """A telephone number decoded as Latin-1 would not be masked, and could be decoded again from the published text."""
    report = '{"source_ref": "gbk", "text": "我是张伟，电话１３８１２３４５６７８"}'.encode("gbk")

    with pytest.raises(Problem) as refusal:
        await read(part(b"photo", PHOTO) + form_part(b"report", report), content_type=FORM + charset)

    assert (refusal.value.status, refusal.value.field) == (422, "report")
