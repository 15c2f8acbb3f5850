"""Photos with malformed EXIF and valid pixels, which editors and messengers often write."""

import io
import random
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, ImageOps
from PIL.ExifTags import GPS, IFD, Base

from paidan_intake.exif import apply_orientation
from paidan_intake.photos import PhotoLimits, sanitize
from tests.intake.intake_service import IntakeService

LIMITS: Final = PhotoLimits(max_bytes=2_000_000, max_pixels=4_000_000, max_side_px=1000)
KINDS: Final = ("JPEG", "PNG", "WEBP")
# Counts, types and offsets of a TIFF directory are small numbers: other values are seldom valid.
EXIF_FIELDS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 255)


def exif() -> bytes:
    """Return the EXIF of a photo taken with the camera on its side."""
    metadata = Image.Exif()
    metadata[Base.Orientation] = 6
    metadata[Base.Make] = "Maker"
    metadata[Base.XResolution] = 72.0
    gps = metadata.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSLatitudeRef], gps[GPS.GPSLatitude] = "N", (36.0, 0.0, 18.0)
    shot = metadata.get_ifd(IFD.Exif)
    shot[Base.DateTimeOriginal], shot[Base.MakerNote] = "2026:03:02 09:30:00", b"abc"
    return metadata.tobytes()


def photo(kind: str, metadata: bytes) -> bytes:
    """Return a photo of 64 by 48 pixels with this EXIF."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, kind, exif=metadata)
    return out.getvalue()


def mutations(metadata: bytes, number: int) -> list[bytes]:
    """Return copies with up to six bytes of the directory changed, the same ones on every run."""
    rng = random.Random(20260302)  # noqa: S311 - the same photos on every run
    found = []
    for _ in range(number):
        corrupted = bytearray(metadata)
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            corrupted[rng.randrange(len(b"Exif\0\0"), len(corrupted))] = rng.choice(EXIF_FIELDS)
        found.append(bytes(corrupted))
    return found


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # Pillow warns of what it skips
@pytest.mark.parametrize("kind", KINDS)
def test_photo_with_corrupt_exif_is_accepted(kind: str) -> None:
    """EXIF is removed anyway, so errors in it must not reject the photo."""
    sizes = set()
    for metadata in mutations(exif(), 600):
        with Image.open(io.BytesIO(sanitize(photo(kind, metadata), LIMITS).jpeg)) as stored:
            sizes.add(stored.size)

    assert sizes == {(48, 64), (64, 48)}, "some still say how they were held, others do not"


@pytest.mark.parametrize(
    ("exif_time", "offset", "expected"),
    [
        ("1990:01:01 07:59:59", None, None),
        ("1990:01:01 08:00:00", None, datetime(1990, 1, 1, tzinfo=UTC)),
        ("2200:01:01 07:59:59", None, datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2200:01:01 08:00:00", None, None),
        ("1990:01:01 08:59:59", "+09:00", datetime(1990, 1, 1, 0, 59, 59, tzinfo=UTC)),
        ("1990:01:01 00:00:00", "-01:00", datetime(1990, 1, 1, 1, tzinfo=UTC)),
        ("2199:12:31 23:00:00", "-01:00", datetime(2199, 12, 31, 15, tzinfo=UTC)),
        ("0001:01:01 00:00:00", "+23:59", None),
        ("9999:12:31 23:59:59", "-23:59", None),
        ("yesterday", "+08:00", None),
    ],
)
def test_time_is_read_where_it_is_in_the_calendar(
    exif_time: str, offset: str | None, expected: datetime | None
) -> None:
    """An offset that moves the time out of the calendar is invalid, and read as missing."""
    metadata = Image.Exif()
    shot = metadata.get_ifd(IFD.Exif)
    shot[Base.DateTimeOriginal] = exif_time
    if offset:
        shot[Base.OffsetTimeOriginal] = offset

    assert sanitize(photo("JPEG", metadata.tobytes()), LIMITS).exif.taken_at(ZoneInfo("Asia/Shanghai")) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
def test_valid_photo_is_rotated_as_pillow_rotates_it(orientation: int) -> None:
    metadata = Image.Exif()
    metadata[Base.Orientation] = orientation
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).rotate(30).save(out, "PNG", exif=metadata)

    with Image.open(out) as image:
        assert apply_orientation(image, image).tobytes() == ImageOps.exif_transpose(image).tobytes()


async def test_photo_with_a_numeric_camera_name_is_accepted(intake: IntakeService) -> None:
    corrupted = exif().replace(b"\x01\x0f\x00\x02", b"\x01\x0f\x00\x0c")

    async with intake.client("department") as client:
        stored = await client.post("/v1/photos", content=photo("JPEG", corrupted))

    assert stored.status_code == 201
