"""Photos as phones make them, and malicious ones."""

import io
import struct
import zlib
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from paidan_intake.photos import PhotoLimits

LIMITS: Final = PhotoLimits(max_bytes=2_000_000, max_pixels=4_000_000, max_side_px=1000)


def make_jpeg(*, width: int = 320, height: int = 240, colour: str = "teal", **options: Any) -> bytes:  # noqa: ANN401
    """Return a JPEG."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG", **options)
    return out.getvalue()


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401
    """Return the image as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def make_geotagged_jpeg(longitude: float, latitude: float, taken_at: datetime, *, colour: str = "olive") -> bytes:
    """Return a JPEG with EXIF position and time, an artist and a comment."""
    exif = Image.Exif()
    exif[Base.Artist] = "Wang Xiaoming 13812345678"
    exif[Base.Orientation] = 6
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSLongitudeRef], gps[GPS.GPSLongitude] = (
        ("W" if longitude < 0 else "E"),
        _degrees_minutes_seconds(abs(longitude)),
    )
    gps[GPS.GPSLatitudeRef], gps[GPS.GPSLatitude] = (
        ("S" if latitude < 0 else "N"),
        _degrees_minutes_seconds(abs(latitude)),
    )
    shot = exif.get_ifd(IFD.Exif)
    shot[Base.DateTimeOriginal] = f"{taken_at:%Y:%m:%d %H:%M:%S}"
    return make_jpeg(exif=exif, comment=b"call 13812345678", colour=colour)


def _degrees_minutes_seconds(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    seconds = Fraction((degrees - whole) * 3600 - minutes * 60).limit_denominator(10_000)
    return IFDRational(whole), IFDRational(minutes), IFDRational(seconds.numerator, seconds.denominator)


def make_png_bomb(width: int, height: int, *, rows: int | None = None) -> bytes:
    """Return a small PNG that decodes to this many black pixels; with fewer ``rows`` only its header states them."""
    compressor = zlib.compressobj(9)
    row = b"\0" * (1 + width // 8)
    compressed = b"".join([*(compressor.compress(row) for _ in range(rows or height)), compressor.flush()])
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", compressed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(name, body) for name, body in chunks)


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
