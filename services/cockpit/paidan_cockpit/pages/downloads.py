"""Tables to take along: kept on disk and sent in pieces, so that however slowly they are read they hold no memory."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import IO, Final

from starlette.responses import Response, StreamingResponse

_PIECE_BYTES: Final = 65_536


async def download(content: bytes, headers: Mapping[str, str], media_type: str) -> Response:
    """Return the response that sends a file's content piece by piece, as it is read."""
    size = len(content)
    file = await asyncio.to_thread(_store, content)
    sent_headers = {**headers, "content-length": str(size)}
    return StreamingResponse(_pieces(file), headers=sent_headers, media_type=media_type)


def _store(content: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it is sent
    file.write(content)
    file.seek(0)
    return file


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
