"""EXIF metadata of a photo: position, time and orientation. Read before the photo is stripped of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from math import isfinite
from typing import Any, Final

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

_EXIF_TIME_FORMAT: Final = "%Y:%m:%d %H:%M:%S"
# The bounds of ``Timestamp``. Cameras without a set clock state New Year 1990, which is 1989 east of Greenwich.
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_ORIENTATIONS: Final[dict[object, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class ExifMetadata:
    """The position in degrees, WGS-84, and the time: with a zone where the photo has one, else local."""

    longitude: float | None = None
    latitude: float | None = None
    zoned_time: datetime | None = None
    local_time: datetime | None = None

    def taken_at(self, zone: tzinfo) -> datetime | None:
        """Return when it was taken; a time without a zone is local time in ``zone``."""
        return self.zoned_time or (_if_plausible(self.local_time.replace(tzinfo=zone)) if self.local_time else None)


def read_exif(image: Image.Image) -> ExifMetadata:
    """Return a photo's EXIF metadata. What is missing or implausible is None; nothing raises."""
    try:
        exif = image.getexif()
        gps: Mapping[int, Any] = exif.get_ifd(IFD.GPSInfo)
        exif_ifd: Mapping[int, Any] = exif.get_ifd(IFD.Exif)
    except Exception:  # noqa: BLE001 - malformed EXIF makes its reader fail in many ways
        return ExifMetadata()
    longitude = _degrees(gps, (GPS.GPSLongitude, GPS.GPSLongitudeRef), negative="W", max_degrees=180)
    latitude = _degrees(gps, (GPS.GPSLatitude, GPS.GPSLatitudeRef), negative="S", max_degrees=90)
    if longitude is None or latitude is None or (longitude, latitude) == (0, 0):
        longitude = latitude = None
    local_time = _local_time(exif_ifd)
    return ExifMetadata(longitude, latitude, _gps_time(gps) or _zoned_time(local_time, exif_ifd), local_time)


def apply_orientation(image: Image.Image, pixels: Image.Image) -> Image.Image:
    """Return ``pixels`` rotated by the EXIF orientation of ``image``; unrotated where the EXIF is malformed.

    Pillow's own ``exif_transpose`` writes the EXIF anew, and fails on some that it can read.
    """
    try:
        transposition = _ORIENTATIONS.get(image.getexif().get(Base.Orientation))
    except Exception:  # noqa: BLE001 - as above
        transposition = None
    return pixels if transposition is None else pixels.transpose(transposition)


def _degrees(gps: Mapping[int, Any], tags: tuple[int, int], *, negative: str, max_degrees: int) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in gps[tags[0]])
        value = degrees + minutes / 60 + seconds / 3600
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not isfinite(value) or not 0 <= value <= max_degrees:
        return None
    return -value if _text(gps.get(tags[1])).upper().startswith(negative) else value


def _gps_time(gps: Mapping[int, Any]) -> datetime | None:
    try:
        hours, minutes, seconds = (int(float(part)) for part in gps[GPS.GPSTimeStamp])
        date = datetime.strptime(_text(gps[GPS.GPSDateStamp]), "%Y:%m:%d").replace(tzinfo=UTC)
        return _if_plausible(date.replace(hour=hours, minute=minutes, second=seconds))
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None


def _local_time(exif_ifd: Mapping[int, Any]) -> datetime | None:
    try:
        return datetime.strptime(_text(exif_ifd.get(Base.DateTimeOriginal)), _EXIF_TIME_FORMAT)  # noqa: DTZ007 - EXIF has no zone here
    except ValueError:
        return None


def _zoned_time(local_time: datetime | None, exif_ifd: Mapping[int, Any]) -> datetime | None:
    offset = exif_ifd.get(Base.OffsetTimeOriginal)
    if local_time is None or not offset:
        return None
    try:
        return _if_plausible(datetime.strptime(f"{local_time:%Y-%m-%d %H:%M:%S}{_text(offset)}", "%Y-%m-%d %H:%M:%S%z"))
    except ValueError:
        return None


def _if_plausible(moment: datetime) -> datetime | None:
    return moment if _EARLIEST <= moment < _LATEST else None


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value).strip("\0 ")
