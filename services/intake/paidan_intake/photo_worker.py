"""The child process that decodes photos: within a memory limit, without settings, secrets or network clients.

Reads uploads from standard input and writes photos to standard output, each with its length before it; ``photo_pool``
is the other end. A photo that breaks the decoder ends this process and no other.
"""

import json
import resource
import struct
import sys
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any, Final

from paidan_intake.photos import InvalidPhoto, PhotoLimits, sanitize

READY: Final = b"R"
"""Written once, before the first photo is read."""
REQUEST_HEAD: Final = struct.Struct(">I")
RESPONSE_HEAD: Final = struct.Struct(">II")
"""Bytes of the description, in JSON, and of the JPEG."""


def main() -> None:
    """Decode photos until standard input ends. Arguments: limits as JSON, and the most bytes of address space."""
    limits = PhotoLimits(**json.loads(sys.argv[1]))
    memory_bytes = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    while upload := _read_upload(sys.stdin.buffer):
        description, jpeg = _describe(upload, limits)
        encoded = json.dumps(description).encode()
        sys.stdout.buffer.write(RESPONSE_HEAD.pack(len(encoded), len(jpeg)) + encoded + jpeg)
        sys.stdout.buffer.flush()


def _read_upload(stream: IO[bytes]) -> bytes | None:
    head = stream.read(REQUEST_HEAD.size)
    return stream.read(REQUEST_HEAD.unpack(head)[0]) if len(head) == REQUEST_HEAD.size else None


def _describe(upload: bytes, limits: PhotoLimits) -> tuple[dict[str, Any], bytes]:
    try:
        photo = sanitize(upload, limits)
    except InvalidPhoto as error:
        return {"error": error.code, "found": error.found, "limit": error.limit}, b""
    except MemoryError:
        return {"error": "photo_unreadable", "found": "too much memory", "limit": 0}, b""
    fields = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(photo.exif).items()
    }
    return {"exif": fields}, photo.jpeg


if __name__ == "__main__":
    main()
