"""Tables to take along: kept on disk and sent in pieces, so that however slowly they are read they hold no memory."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import IO, Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

_PIECE_BYTES: Final = 65_536


async def download(content: bytes, headers: Mapping[str, str], media_type: str) -> Response:
    """Return the response that sends a file's content piece by piece, as it is read."""
    size = len(content)
    file = await asyncio.to_thread(_store, content)
    return _FileResponse(file, headers={**headers, "content-length": str(size)}, media_type=media_type)


class _FileResponse(StreamingResponse):
    """Sends a file without a name, and gives its room on disk back, however the response ends."""

    def __init__(self, file: IO[bytes], headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(_pieces(file), headers=headers, media_type=media_type)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await super().__call__(scope, receive, send)


def _store(content: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it is sent
    file.write(content)
    file.seek(0)
    return file


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece
