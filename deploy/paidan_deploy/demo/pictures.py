"""Generated JPEG photos with a position in EXIF, as telephones write it."""

from io import BytesIO
from random import Random
from typing import Final

from PIL import Image, ImageDraw

_GPS_IFD: Final = 0x8825
_SIZE: Final = (640, 480)
_COLOUR_SCHEMES: Final = (
    ((150, 180, 210), (90, 90, 95)),
    ((200, 200, 205), (120, 115, 110)),
    ((40, 45, 70), (30, 30, 35)),
)


def draw_proof(rng: Random) -> bytes:
    """Draw a small picture of finished work, unlike every other: a photo proves one case only."""
    picture = Image.frombytes("RGB", (12, 9), rng.randbytes(12 * 9 * 3)).resize((96, 72))
    out = BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def draw_photo(rng: Random, latitude: float, longitude: float) -> bytes:
    """Draw a street with something on it, and write the position as EXIF."""
    sky, street = rng.choice(_COLOUR_SCHEMES)
    picture = Image.new("RGB", _SIZE, sky)
    drawing = ImageDraw.Draw(picture)
    drawing.rectangle((0, 300, 640, 480), fill=street)
    for _ in range(rng.randrange(3, 9)):
        x, y = rng.randrange(60, 560), rng.randrange(310, 450)
        colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        drawing.ellipse((x, y, x + rng.randrange(15, 60), y + rng.randrange(10, 30)), fill=colour)
    out = BytesIO()
    picture.save(out, "JPEG", quality=80, exif=_gps_exif(latitude, longitude))
    return out.getvalue()


def _gps_exif(latitude: float, longitude: float) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(_GPS_IFD).update(
        {
            1: "N" if latitude >= 0 else "S",
            2: _degrees_minutes_seconds(abs(latitude)),
            3: "E" if longitude >= 0 else "W",
            4: _degrees_minutes_seconds(abs(longitude)),
        }
    )
    return exif


def _degrees_minutes_seconds(angle: float) -> tuple[float, float, float]:
    whole = int(angle)
    minutes = (angle - whole) * 60
    return float(whole), float(int(minutes)), round((minutes - int(minutes)) * 60, 3)
