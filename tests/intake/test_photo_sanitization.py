"""Photos are judged by their header, scaled down, and sanitized alike each time; slots for it are shared."""

import io
from datetime import datetime

import pytest
from PIL import Image

from paidan_intake.photo_pool import PhotoPoolBusy, open_photo_pool
from paidan_intake.photos import InvalidPhoto, PhotoLimits, sanitize
from tests.intake.sample_photos import make_geotagged_jpeg, make_jpeg, make_png_bomb

LIMITS = PhotoLimits(max_bytes=2_000_000, max_pixels=4_000_000, max_side_px=1000)


async def test_slots_are_shared_by_keys_and_none_holds_more_than_a_quarter() -> None:
    async with open_photo_pool(LIMITS, workers=1, max_pending=8) as pool:
        for holder in "abcd":
            pool.acquire_slot(holder)
            pool.acquire_slot(holder)
        with pytest.raises(PhotoPoolBusy) as own:
            pool.acquire_slot("a")
        with pytest.raises(PhotoPoolBusy) as full:
            pool.acquire_slot("e")
        pool.release_slot("b")
        pool.acquire_slot("e")

    assert (own.value.is_own, full.value.is_own) == (True, False)


def test_pixels_are_counted_before_any_is_decoded() -> None:
    """100,000 by 100,000 pixels would need 10 GB; the header alone states them."""
    with pytest.raises(InvalidPhoto, match="photo_too_many_pixels"):
        sanitize(make_png_bomb(100_000, 100_000, rows=10), LIMITS)


def test_large_photo_is_scaled_down() -> None:
    picture = sanitize(make_jpeg(width=1900, height=950), LIMITS)

    with Image.open(io.BytesIO(picture.jpeg)) as image:
        assert image.size == (1000, 500)


def test_sanitizing_is_deterministic() -> None:
    """A retry must find the photo that the first attempt stored."""
    upload = make_geotagged_jpeg(117.0, 36.0, datetime(2026, 3, 2))  # noqa: DTZ001

    assert sanitize(upload, LIMITS) == sanitize(upload, LIMITS)
