"""What a photo says of itself: where and when it was taken, and how it was held. Read before it is stripped. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from math import isfinite
from typing import Any, Final

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

_LOCAL: Final = "%Y:%m:%d %H:%M:%S"
# What may be said on a topic (``Moment``). New Year 1990, where a lost clock begins, is 1989 east of Greenwich.
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_TURNS: Final[dict[object, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Told:
    """Degrees in WGS-84, as cameras write them, and the time: ``at`` where its zone is told, else ``local``."""

    longitude: float | None = None
    latitude: float | None = None
    at: datetime | None = None
    local: datetime | None = None

    def taken_at(self, zone: tzinfo) -> datetime | None:
        """Say when it was taken; a time without a zone is the city's."""
        return self.at or (_within(self.local.replace(tzinfo=zone)) if self.local else None)


def told_by(image: Image.Image) -> Told:
    """Read a photo's EXIF. What is missing, or is nonsense, is None; nothing raises."""
    try:
        exif = image.getexif()
        gps: Mapping[int, Any] = exif.get_ifd(IFD.GPSInfo)
        shot: Mapping[int, Any] = exif.get_ifd(IFD.Exif)
    except Exception:  # noqa: BLE001 - strangers write EXIF, and its reader fails in many ways
        return Told()
    longitude = _degrees(gps, (GPS.GPSLongitude, GPS.GPSLongitudeRef), negative="W", most=180)
    latitude = _degrees(gps, (GPS.GPSLatitude, GPS.GPSLatitudeRef), negative="S", most=90)
    if longitude is None or latitude is None or (longitude, latitude) == (0, 0):
        longitude = latitude = None
    local = _local(shot)
    return Told(longitude, latitude, _of_gps(gps) or _zoned(local, shot), local)


def upright(image: Image.Image) -> Image.Image:
    """Copy a photo the way it was held; as it lies where its EXIF cannot be read.

    Pillow's own ``exif_transpose`` writes the EXIF anew, and fails on what its reader let through.
    """
    try:
        turn = _TURNS.get(image.getexif().get(Base.Orientation))
    except Exception:  # noqa: BLE001 - as above: only its pixels count
        turn = None
    return image.copy() if turn is None else image.transpose(turn)


def _degrees(gps: Mapping[int, Any], tags: tuple[int, int], *, negative: str, most: int) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in gps[tags[0]])
        found = degrees + minutes / 60 + seconds / 3600
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not isfinite(found) or not 0 <= found <= most:
        return None
    return -found if _text(gps.get(tags[1])).upper().startswith(negative) else found


def _of_gps(gps: Mapping[int, Any]) -> datetime | None:
    try:
        hours, minutes, seconds = (int(float(part)) for part in gps[GPS.GPSTimeStamp])
        found = datetime.strptime(_text(gps[GPS.GPSDateStamp]), "%Y:%m:%d").replace(tzinfo=UTC)
        return _within(found.replace(hour=hours, minute=minutes, second=seconds))
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None


def _local(shot: Mapping[int, Any]) -> datetime | None:
    try:
        return datetime.strptime(_text(shot.get(Base.DateTimeOriginal)), _LOCAL)  # noqa: DTZ007 - the camera names no zone
    except ValueError:
        return None


def _zoned(local: datetime | None, shot: Mapping[int, Any]) -> datetime | None:
    offset = shot.get(Base.OffsetTimeOriginal)
    if local is None or not offset:
        return None
    try:
        return _within(datetime.strptime(f"{local:%Y-%m-%d %H:%M:%S}{_text(offset)}", "%Y-%m-%d %H:%M:%S%z"))
    except ValueError:
        return None


def _within(moment: datetime) -> datetime | None:
    return moment if _EARLIEST <= moment < _LATEST else None


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value).strip("\0 ")
