"""Forms with names or text that are not valid Unicode are refused naming the part, never a 500."""

import pytest

from tests.intake.intake_service import IntakeService
from tests.intake.sample_photos import make_jpeg

ESCAPED = {"content-type": "multipart/form-data; boundary=b; charset=unicode_escape"}


def form_part(name: bytes, value: bytes) -> bytes:
    """Return a form with one part."""
    return b'--b\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [(rb"\ud800", b"x", r"\ud800"), (b"report", rb'{"text": "\ud800"}', "report"), (b"photo", rb"\udfff", "photo")],
)
async def test_lone_surrogate_is_refused_by_its_part(
    intake: IntakeService, name: bytes, value: bytes, field: str
) -> None:
    """The sender chooses the charset, which may produce them in names and texts."""
    async with intake.client("photo") as client:
        reported = await client.post("/v1/photo-reports", content=form_part(name, value), headers=ESCAPED)
        sent = await client.post("/v1/photos", content=form_part(name, value), headers=ESCAPED)

    for response in (reported, sent):
        assert (response.status_code, response.json()["error"]["field"]) == (422, field)


async def test_a_file_may_have_any_name(intake: IntakeService) -> None:
    """File names are ignored."""
    named = form_part(rb'photo"; filename="\ud800', make_jpeg(colour="navy"))

    async with intake.client("photo") as client:
        response = await client.post("/v1/photos", content=named, headers=ESCAPED)

    assert response.status_code == 201


@pytest.mark.parametrize("charset", ["", "; charset=gbk", "; charset=latin-1"])
async def test_text_in_another_encoding_is_refused(intake: IntakeService, charset: str) -> None:
    """A telephone number decoded as Latin-1 would not be masked, and could be decoded again from the published text."""
    report = '{"source_ref": "gbk", "text": "我是张伟，电话１３８１２３４５６７８"}'.encode("gbk")
    form = {"content-type": f"multipart/form-data; boundary=b{charset}"}
    photo = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n\r\n' + make_jpeg() + b"\r\n"

    async with intake.client("photo") as client:
        response = await client.post("/v1/photo-reports", content=photo + form_part(b"report", report), headers=form)

    assert response.status_code == 422
    assert response.json()["error"]["field"] == "report"
