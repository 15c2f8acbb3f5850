"""Photos over HTTP: sanitized, stored, and shown to keys with access."""

import asyncio
import hashlib
import io
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from paidan_intake.signed_links import LinkSigner
from tests import servers as real
from tests.intake.intake_service import IntakeService, prepared_service
from tests.intake.sample_photos import make_geotagged_jpeg, make_jpeg, make_png_bomb


async def send_photo(intake: IntakeService, *photos: bytes, dry_run: bool = False, **record: object) -> httpx.Response:
    """Send a photo report."""
    report = {"source_ref": uuid.uuid4().hex, "category": "rubbish"} | record
    parts = [("photo", ("p.jpg", photo, "image/jpeg")) for photo in photos]
    files = [("report", (None, json.dumps(report).encode(), "application/json")), *parts]
    async with intake.client("photo") as client:
        path = "/v1/photo-reports" + ("?dry-run=true" if dry_run else "")
        return await client.post(path, files=files)


async def test_exif_position_and_time_are_read_and_stripped(intake: IntakeService) -> None:
    upload = make_geotagged_jpeg(117.025, 36.015, datetime(2026, 3, 2, 9, 30))  # noqa: DTZ001 - cameras write local time

    response = await send_photo(intake, upload)
    [record] = await intake.records_about("paidan.inbox", response.json()["report_id"])
    [ref] = record["photos"]
    stored = (intake.folder / "photos" / ref[:2] / ref).read_bytes()

    assert (response.status_code, response.json()["notes"]) == (202, ["position_from_photo"])
    assert response.json()["district"] == "990102"
    assert datetime.fromisoformat(record["occurred_at"]) == datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    assert ref == f"{hashlib.sha256(stored).hexdigest()}.jpg"
    with Image.open(io.BytesIO(stored)) as image:
        assert (image.format, dict(image.getexif())) == ("JPEG", {})
        assert image.size == (240, 320), "it is upright"
    assert b"13812345678" in upload
    assert b"13812345678" not in stored
    assert b"Exif" not in stored


async def test_report_fields_override_exif(intake: IntakeService) -> None:
    upload = make_geotagged_jpeg(117.025, 36.015, datetime(2026, 3, 2, 9, 30))  # noqa: DTZ001

    response = await send_photo(
        intake, upload, position={"x": 117.005, "y": 36.005}, occurred_at="2026-03-02T12:00:00+08:00"
    )
    [record] = await intake.records_about("paidan.inbox", response.json()["report_id"])

    assert (record["place"]["district"], record["occurred_at"]) == ("990101", "2026-03-02T12:00:00+08:00")


async def test_the_same_photo_sent_again_is_the_same_report(intake: IntakeService) -> None:
    upload, other, ref = make_jpeg(colour="red"), make_jpeg(colour="blue"), uuid.uuid4().hex

    first, again = await send_photo(intake, upload, source_ref=ref), await send_photo(intake, upload, source_ref=ref)
    clash = await send_photo(intake, other, source_ref=ref)

    assert first.json() == again.json()
    assert clash.status_code == 409


async def test_photo_of_a_camera_with_an_unset_clock_is_accepted(intake: IntakeService) -> None:
    """New Year 1990 in Shanghai is 1989 in UTC, before the earliest valid timestamp."""
    response = await send_photo(intake, make_geotagged_jpeg(117.025, 36.015, datetime(1990, 1, 1)))  # noqa: DTZ001
    [record] = await intake.records_about("paidan.inbox", response.json()["report_id"])

    assert record["occurred_at"] == record["recorded_at"]


async def test_earlier_and_attached_photos_are_counted_together(intake: IntakeService) -> None:
    response = await send_photo(intake, make_jpeg(), photos=[f"{number:064x}.jpg" for number in range(20)])

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["field"]) == (422, "invalid", "photos")
    assert error["message_zh"] == "数量过多，最多 20 项，实有 21 项"
    assert "at most 20 items" in error["message"]
    assert "not 21" in error["message"]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_other_formats_are_accepted_and_stored_as_jpeg(intake: IntakeService, kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (50, 40), (255, 0, 0, 0)).save(out, kind)

    response = await send_photo(intake, out.getvalue())
    ref = response.json()["photos"][0]

    with Image.open(intake.folder / "photos" / ref[:2] / ref) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert image.getpixel((20, 20)) == (255, 255, 255), "what one could see through is white"


@pytest.mark.parametrize(
    ("photos", "status", "code", "field"),
    [
        ([], 422, "invalid", "photo"),
        ([b"not a photo"], 422, "photo_unreadable", "photo.0"),
        ([make_jpeg(), b""], 422, "photo_unreadable", "photo.1"),
        ([make_jpeg(), make_jpeg()[:500]], 422, "photo_unreadable", "photo.1"),
        ([make_png_bomb(30_000, 30_000)], 422, "photo_too_many_pixels", "photo.0"),
        ([make_jpeg() + b"\0" * 12_000_001], 413, "photo_too_large", "photo.0"),
        ([b"GIF89a" + b"\0" * 100], 422, "photo_unreadable", "photo.0"),
        ([make_jpeg()] * 10, 422, "invalid", "photo"),
    ],
)
async def test_invalid_photo_is_refused(
    intake: IntakeService, photos: list[bytes], status: int, code: str, field: str
) -> None:
    response = await send_photo(intake, *photos)

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["field"]) == (status, code, field)


async def test_endless_body_is_refused(intake: IntakeService) -> None:
    async with intake.client("photo") as client:
        response = await client.post("/v1/photos", content=b"\xff\xd8" + b"\0" * 13_000_000)

    assert response.status_code == 413


async def test_slow_upload_shuts_out_its_own_key_alone_and_releases_its_slot(
    servers: real.ServerAddresses, database: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Otherwise a few slow senders of one key would shut the door for everybody."""
    slow = {"PHOTOS_WAITING": "4", "UPLOAD_WITHIN_S": "4"}
    async with prepared_service(servers.kafka, database, topic_prefix, tmp_path, **slow) as service:
        await service.start("--only", "edge")
        async with service.client("department") as client:
            async with _slow_sender(service) as reader:
                turned_away = await client.post("/v1/photos", content=make_jpeg())
                async with service.client("inspector") as other:
                    accepted = await other.post("/v1/photos", content=make_jpeg())
                response = await asyncio.wait_for(reader.readuntil(b"\r\n"), 20)
            stored = await client.post("/v1/photos", content=make_jpeg())

    assert (turned_away.status_code, turned_away.headers["retry-after"]) == (429, "2")
    assert accepted.status_code == 201
    assert response.startswith(b"HTTP/1.1 408")
    assert stored.status_code == 201


@asynccontextmanager
async def _slow_sender(service: IntakeService) -> AsyncIterator[asyncio.StreamReader]:
    """Announce a photo of 100 kB and send only four bytes of it. The slot is held once this is entered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        head = f"POST /v1/photos HTTP/1.1\r\nhost: x\r\nx-api-key: {service.tokens['department']}\r\n"
        writer.write(f"{head}expect: 100-continue\r\ncontent-length: 100000\r\n\r\n".encode())
        # The server sends 100 Continue when it first reads the body, which it does once it holds a slot.
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"some")
        yield reader
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("headers", [{}, {"content-type": "multipart/form-data"}, {"content-type": "text/plain"}])
async def test_invalid_form_is_never_a_500(intake: IntakeService, headers: dict[str, str]) -> None:
    async with intake.client("photo") as client:
        response = await client.post("/v1/photo-reports", content=b"--x\r\nrubbish", headers=headers)

    assert response.status_code in (400, 422)


async def test_dry_run_stores_no_photo(intake: IntakeService) -> None:
    response = await send_photo(intake, make_jpeg(colour="purple"), dry_run=True)

    [ref] = response.json()["photos"]
    assert response.status_code == 200
    assert not (intake.folder / "photos" / ref[:2] / ref).exists()
    assert await intake.fetch("SELECT FROM photo WHERE ref = $1", ref) == []


async def test_photo_is_returned_to_keys_with_access(intake: IntakeService) -> None:
    async with intake.client("department") as client:
        stored = await client.post(
            "/v1/photos", content=make_jpeg(colour="pink"), headers={"content-type": "image/jpeg"}
        )
    ref = stored.json()["ref"]
    seen: dict[str, int] = {}
    for who in ("department", "inspector", "operator", "hotline", "photo"):
        async with intake.client(who) as client:
            seen[who] = (await client.get(f"/v1/photos/{ref}")).status_code

    assert stored.status_code == 201
    assert seen == {"department": 200, "inspector": 200, "operator": 200, "hotline": 404, "photo": 404}


async def test_signed_link_opens_one_photo_for_a_while(intake: IntakeService) -> None:
    async with intake.client("department") as client:
        stored = (await client.post("/v1/photos", files={"photo": make_jpeg(colour="gold")})).json()
        link = (await client.post(f"/v1/photos/{stored['ref']}/links")).json()["link"]
    expired = (
        LinkSigner(b"a secret that signs links in tests").sign(stored["ref"], datetime(2020, 1, 1, tzinfo=UTC)).path
    )
    async with httpx.AsyncClient(base_url=intake.url, verify=False) as anonymous:
        opened = await anonymous.get(link)
        answers = [
            (await anonymous.get(each)).status_code
            for each in (link[:-1] + ("0" if link[-1] != "0" else "1"), link.replace("expires=1", "expires=2"), expired)
        ]
        bare = await anonymous.get(f"/v1/photos/{stored['ref']}")

    assert (opened.status_code, opened.headers["content-type"]) == (200, "image/jpeg")
    lasts_s = int(opened.headers["cache-control"].removeprefix("private, max-age=").removesuffix(", immutable"))
    assert 800 < lasts_s <= 900, "no cache shows it for longer than its link"
    assert (answers, bare.status_code) == ([403, 403, 403], 401)


async def test_ticket_may_refer_to_a_photo_sent_before(intake: IntakeService) -> None:
    async with intake.client("patrol") as client:
        ref = (await client.post("/v1/photos", content=make_jpeg(colour="lime"))).json()["ref"]
        body: dict[str, Any] = {"source_ref": uuid.uuid4().hex, "class_code": "E0110", "photos": [ref]}
        accepted = await client.post("/v1/tickets", json=body)
    [record] = await intake.records_about("paidan.inbox", accepted.json()["report_id"])

    assert (record["channel"], record["photos"], record["class_code"]) == ("patrol", [ref], "E0110")
