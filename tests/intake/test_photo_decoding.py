"""Photos decoded: values of every mode and depth are scaled, and metadata costs nobody a photo."""

import io
import struct
import zlib
from typing import Final

import pytest
from PIL import Image, PngImagePlugin

from paidan_intake.photos import InvalidPhoto, sanitize
from paidan_intake.pixels import to_rgb
from tests.intake.sample_photos import LIMITS, encode

WEDGE: Final = Image.linear_gradient("L").resize((64, 64)).rotate(90)
"""From white at the left to black at the right."""


def stored_pixels(upload: bytes) -> Image.Image:
    """Return the photo that is stored for an upload."""
    return Image.open(io.BytesIO(sanitize(upload, LIMITS).jpeg))


def wedge_of(image: Image.Image) -> list[int]:
    """Return the grey of eight columns."""
    grey = image.convert("L")
    return [int(grey.getpixel((column, 32))) for column in range(4, 64, 8)]  # type: ignore[arg-type]


def assert_is_wedge(image: Image.Image) -> None:
    assert wedge_of(image) == pytest.approx(wedge_of(WEDGE), abs=10)


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(header: tuple[int, int], rows: bytes, *chunks: bytes) -> bytes:
    """Return a PNG of 64 by 64 pixels with this depth and colour type."""
    parts = (chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, *header, 0, 0, 0)), *chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def rows_of(*, repeat: int, wide: bool, tail: bytes = b"") -> bytes:
    """Return the wedge's rows: each grey value ``repeat`` times, in one byte or two, and then ``tail``."""
    values = WEDGE.tobytes()
    pixels = [bytes([value, value]) * repeat if wide else bytes([value]) * repeat for value in values]
    return b"".join(b"\0" + b"".join(each + tail for each in pixels[row * 64 : row * 64 + 64]) for row in range(64))


FULL: Final = b"\xff\xff"
PNGS: Final = {
    "16-bit grey": png_of((16, 0), rows_of(repeat=1, wide=True)),
    "16-bit grey with a transparent value": png_of(
        (16, 0), rows_of(repeat=1, wide=True), chunk(b"tRNS", struct.pack(">H", 1))
    ),
    "16-bit RGB": png_of((16, 2), rows_of(repeat=3, wide=True)),
    "16-bit grey with alpha": png_of((16, 4), rows_of(repeat=1, wide=True, tail=FULL)),
    "16-bit RGBA": png_of((16, 6), rows_of(repeat=3, wide=True, tail=FULL)),
    "8-bit grey": png_of((8, 0), rows_of(repeat=1, wide=False)),
    "palette with transparency": encode(WEDGE.convert("RGBA").quantize(64)),
    "RGBA": encode(WEDGE.convert("RGBA")),
    "LA": encode(WEDGE.convert("LA")),
    "CMYK": encode(WEDGE.convert("CMYK"), "JPEG", quality=95),
    "grey JPEG": encode(WEDGE, "JPEG", quality=95),
    "WebP": encode(WEDGE.convert("RGB"), "WEBP", quality=95),
}


@pytest.mark.parametrize("kind", PNGS)
def test_a_wedge_is_seen_as_a_wedge(kind: str) -> None:
    """A white sheet in its place would be false evidence."""
    assert_is_wedge(stored_pixels(PNGS[kind]))


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L", "I", "F", "LA", "PA", "CMYK", "RGBA", "RGBX", "HSV"])
def test_every_mode_is_scaled(mode: str) -> None:
    wide = WEDGE.convert("I").point(lambda value: value * 257)
    match mode:
        case "I;16" | "I;16B" | "I;16L":
            image = Image.frombytes(
                mode, (64, 64), struct.pack(f"{'>' if mode == 'I;16B' else '<'}4096H", *list(wide.get_flattened_data()))
            )
        case "I":
            image = wide
        case "PA":
            image = WEDGE.convert("P").convert("PA")
        case "HSV":
            image = WEDGE.convert("RGB").convert("HSV")
        case _:
            image = WEDGE.convert(mode)

    assert_is_wedge(to_rgb(image, 1000))


def test_one_bit_is_black_and_white_and_transparency_is_white() -> None:
    one_bit = Image.new("1", (64, 64))
    one_bit.paste(1, (0, 0, 32, 64))
    palette = Image.new("P", (64, 64), 1)
    palette.putpalette([0, 0, 0, 200, 0, 0])

    half = stored_pixels(encode(one_bit)).convert("L")

    assert (half.getpixel((8, 8)), half.getpixel((56, 8))) == (255, 0)
    assert stored_pixels(encode(palette, transparency=1)).getpixel((8, 8)) == (255, 255, 255)
    assert stored_pixels(PNGS["16-bit grey"][:33] + chunk(b"tRNS", b"\0\0") + PNGS["16-bit grey"][33:]).getpixel(
        (63, 63)
    )


def test_a_jpeg_without_its_end_marker_is_complete() -> None:
    complete = encode(WEDGE.convert("RGB"), "JPEG", quality=95)
    progressive = encode(WEDGE.convert("RGB"), "JPEG", quality=95, progressive=True)

    for upload in (complete[:-2], complete[:-1], complete[:-2] + b"\0\0\0", progressive[:-2]):
        assert_is_wedge(stored_pixels(upload))


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_jpeg_that_is_cut_off_is_refused(part: float) -> None:
    """Its lower half would be grey, and pass for what was seen."""
    upload = encode(Image.effect_noise((640, 480), 60), "JPEG")

    with pytest.raises(InvalidPhoto, match="photo_unreadable") as refusal:
        sanitize(upload[: int(len(upload) * part)], LIMITS)

    assert refusal.value.found == "cut off"


def with_text(upload: bytes, *texts: bytes) -> bytes:
    """Return a PNG with chunks after its header."""
    return upload[:33] + b"".join(texts) + upload[33:]


@pytest.mark.parametrize(
    "metadata",
    [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 2_000_000)),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"x" * 2_000_000)),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"x" * 9_000_000)),
        chunk(b"tEXt", b"Comment\0" + b"x" * 900_000) * 2,
        chunk(b"zTXt", b"Comment\0\0" + b"not compressed"),
        chunk(b"tEXt", b"Comment\0hello")[:-4] + b"\0\0\0\0",
    ],
    ids=["large zTXt", "large iTXt", "large profile", "long texts", "broken zTXt", "wrong checksum"],
)
def test_metadata_costs_nobody_a_png(metadata: bytes) -> None:
    assert_is_wedge(stored_pixels(with_text(encode(WEDGE), metadata)))


@pytest.mark.parametrize(
    ("upload", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100, "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + b"\0" * 100, "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + b"\0" * 100, "AVIF"),
        (b"GIF89a" + b"\0" * 100, "GIF"),
        (b"II*\0" + b"\0" * 100, "TIFF"),
        (b"not a photo", ""),
    ],
)
def test_a_format_that_is_not_accepted_is_named(upload: bytes, name: str) -> None:
    with pytest.raises(InvalidPhoto, match="photo_unreadable") as refusal:
        sanitize(upload, LIMITS)

    assert refusal.value.found == name


def test_a_text_chunk_may_still_hold_the_position() -> None:
    """Some tools write EXIF into a text chunk: it is dropped only where the photo cannot be read with it."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "hello", zip=True)

    assert_is_wedge(stored_pixels(encode(WEDGE, pnginfo=info)))
