"""Rewrites image files without their metadata, byte by byte, so that what is dropped anyway costs no photo. Pure."""

import struct
from collections.abc import Iterator
from typing import Final

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_START: Final = b"\xff\xd8"
JPEG_END: Final = b"\xff\xd9"
# What changes how pixels look; text, times, profiles, EXIF and unknown chunks do not.
_PNG_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_WEBP_METADATA: Final = frozenset({b"EXIF", b"XMP ", b"ICCP"})
_WEBP_ANIMATED: Final = 0x02
_WEBP_ALPHA: Final = 0x10
_WEBP_HEADER_BYTES: Final = 30
# APP14 states the colour transform of Adobe's files, APP0 is JFIF's own.
_JPEG_METADATA: Final = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
_JPEG_SCAN: Final = 0xDA
_FOREIGN_BRANDS: Final = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
}
_FOREIGN_SIGNATURES: Final = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
)


def foreign_format(upload: bytes) -> str | None:
    """Return the name of a common format that is not accepted, such as HEIC; None for any other file."""
    if upload[4:8] == b"ftyp":
        return _FOREIGN_BRANDS.get(upload[8:12])
    return next((name for signature, name in _FOREIGN_SIGNATURES if upload.startswith(signature)), None)


def is_jpeg(upload: bytes) -> bool:
    """Return whether a file begins as a JPEG does."""
    return upload.startswith(_JPEG_START)


def webp_size(upload: bytes) -> tuple[int, int] | None:
    """Return the width and height that a WebP's header states; None for any other file.

    Its decoder reserves memory for all canvases when a file is opened, before the size can be asked for.
    """
    if not (upload.startswith(b"RIFF") and upload[8:12] == b"WEBP" and len(upload) >= _WEBP_HEADER_BYTES):
        return None
    match upload[12:16]:
        case b"VP8X":
            return int.from_bytes(upload[24:27], "little") + 1, int.from_bytes(upload[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(upload[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", upload, 26)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None


def without_metadata(upload: bytes) -> bytes:
    """Return a JPEG, PNG or WebP without its metadata; a file of another format or structure unchanged."""
    if upload.startswith(PNG_SIGNATURE):
        return PNG_SIGNATURE + b"".join(_png_chunks(upload))
    if is_jpeg(upload):
        return _JPEG_START + b"".join(_jpeg_segments(upload))
    if upload.startswith(b"RIFF") and upload[8:12] == b"WEBP":
        chunks = b"".join(_webp_chunks(upload))
        return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks
    return upload


def _png_chunks(upload: bytes) -> Iterator[bytes]:
    at = len(PNG_SIGNATURE)
    while at + 8 <= len(upload):
        end = at + 12 + int.from_bytes(upload[at : at + 4])
        if upload[at + 4 : at + 8] in _PNG_CHUNKS:
            yield upload[at:end]
        at = end


def _jpeg_segments(upload: bytes) -> Iterator[bytes]:
    at = len(_JPEG_START)
    while at + 4 <= len(upload) and upload[at] == 0xFF:
        marker = upload[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == _JPEG_SCAN:
            break
        end = at + 2 + int.from_bytes(upload[at + 2 : at + 4])
        if marker not in _JPEG_METADATA:
            yield upload[at:end]
        at = end
    yield upload[at:]


def _webp_chunks(upload: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 <= len(upload):
        name, size = upload[at : at + 4], int.from_bytes(upload[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if name == b"VP8X":
            # Its flags announce the chunks that are left out.
            flags = upload[at + 8] & (_WEBP_ANIMATED | _WEBP_ALPHA)
            yield upload[at : at + 8] + bytes([flags]) + upload[at + 9 : end]
        elif name not in _WEBP_METADATA:
            yield upload[at:end]
        at = end
