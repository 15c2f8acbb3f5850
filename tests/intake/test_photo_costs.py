"""What a photo costs: pixels and memory are limited, and a decoder that cannot start or is killed costs no photo."""

import asyncio
import resource
import struct
from pathlib import Path

import pytest
from PIL import Image

from paidan_intake.photo_pool import PhotoWorker, WorkerNotStarted, open_photo_pool
from paidan_intake.photos import InvalidPhoto, PhotoLimits, sanitize
from tests.intake.sample_photos import LIMITS, encode, make_jpeg, make_png_bomb


@pytest.mark.parametrize(
    ("upload", "kind", "limit"),
    [
        (encode(Image.new("RGB", (1500, 1500)), "WEBP"), "WEBP", 1_333_333),
        (encode(Image.new("RGBA", (1500, 1500)), "WEBP", lossless=True), "WEBP", 1_333_333),
        (encode(Image.new("RGB", (1500, 1500))), "PNG", 2_000_000),
        (encode(Image.new("RGB", (1500, 1500)), "JPEG", progressive=True), "progressive JPEG", 2_000_000),
        (encode(Image.new("RGB", (2100, 2100)), "JPEG"), "JPEG", 4_000_000),
    ],
    ids=["lossy WebP", "lossless WebP", "PNG", "progressive JPEG", "JPEG"],
)
def test_pixels_are_limited_by_what_a_format_costs(upload: bytes, kind: str, limit: int) -> None:
    with pytest.raises(InvalidPhoto, match="photo_too_many_pixels") as refusal:
        sanitize(upload, LIMITS)

    assert (refusal.value.found.split(",")[0], refusal.value.limit) == (kind, limit)


async def test_a_webp_that_unfolds_to_a_gigabyte_costs_no_memory(tmp_path: Path) -> None:
    """Its decoder reserves all canvases when the file is opened: the size is read from the header before."""
    bomb = encode(Image.new("RGB", (64, 64)), "WEBP", lossless=True)
    size = struct.pack("<I", (16382 | 16382 << 14))
    bomb = bomb[:21] + size + bomb[25:]
    # The largest of all children that this process has ever waited for, those of other tests included.
    largest_before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    async with open_photo_pool(PhotoLimits(12_000_000, 50_000_000, 2560), workers=1, max_pending=1) as pool:
        with pytest.raises(InvalidPhoto, match="photo_too_many_pixels"):
            await pool.sanitize(bomb)
        photo = await pool.sanitize(make_jpeg())
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    assert photo == (await _sanitized_again(make_jpeg()))
    # A child begins as large as the process that forked it.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert largest <= max(largest_before, own + 150_000), "kilobytes"


async def _sanitized_again(upload: bytes) -> object:
    async with open_photo_pool(PhotoLimits(12_000_000, 50_000_000, 2560), workers=2, max_pending=1) as pool:
        return await pool.sanitize(upload)


async def test_a_decoder_stays_within_its_memory_and_the_next_photo_is_accepted() -> None:
    """Limits of pixels are estimates; address space is a fact."""
    limits = PhotoLimits(max_bytes=2_000_000, max_pixels=10**9, max_side_px=1000)
    worker = PhotoWorker(PhotoLimits(2_000_000, 10**9, 1000), memory_bytes=150_000_000)

    try:
        with pytest.raises(InvalidPhoto, match="photo_unreadable"):
            await worker.sanitize(make_png_bomb(20_000, 20_000))
        assert (await worker.sanitize(make_jpeg())).jpeg == sanitize(make_jpeg(), limits).jpeg
    finally:
        await worker.stop()


@pytest.mark.parametrize("executable", ["/nowhere/python", "/bin/false"])
async def test_a_decoder_that_cannot_start_is_no_fault_of_the_photo(
    executable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not refused, but put off."""
    worker = PhotoWorker(LIMITS)
    monkeypatch.setattr("sys.executable", executable)

    with pytest.raises(WorkerNotStarted):
        await worker.sanitize(make_jpeg())

    assert worker.process is None


async def test_an_empty_photo_is_named_and_ends_no_decoder() -> None:
    async with open_photo_pool(LIMITS, workers=1, max_pending=4) as pool:
        with pytest.raises(InvalidPhoto) as refusal:
            await pool.sanitize(b"")

        assert (refusal.value.code, refusal.value.found) == ("photo_unreadable", "empty")
        assert pool.workers[0].process is None


async def test_a_killed_decoder_costs_no_photo() -> None:
    worker = PhotoWorker(LIMITS)
    async with open_photo_pool(LIMITS, workers=1, max_pending=4) as pool:
        await pool.sanitize(make_jpeg())
        process = pool.workers[0].process
        assert process is not None
        process.kill()
        photos = await asyncio.gather(*(pool.sanitize(make_jpeg(colour=each)) for each in ("red", "green", "blue")))
    await worker.stop()

    assert len({photo.ref for photo in photos}) == 3
