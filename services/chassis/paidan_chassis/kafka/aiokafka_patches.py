"""Patches of aiokafka where it has no setting: header names that are not UTF-8, prefetching, the lz4 level."""
# ruff: noqa: ANN401 - what is passed through is aiokafka's, which is untyped

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, SupportsIndex

from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

FAST_LZ4_LEVEL: Final = 1
PREFETCH_BACKOFF_S: Final = 60.0
_MAGIC_OFFSET: Final = 16


def accept_non_utf8_header_names() -> None:
    """Make every consumer of this process read records whose header names are not UTF-8.

    aiokafka's parser raises on one, from every poll, for ever: a single such record, which anybody may append, would
    stop all lanes of a consumer. FastStream builds its consumers itself, so the parser is replaced where aiokafka's
    fetcher looks for it.
    """
    fetcher.MemoryRecords = _FallbackMemoryRecords


def disable_prefetch_backoff() -> None:
    """Make every consumer of this process fetch nothing from a broker while fetched records wait to be polled.

    After 0.1 s aiokafka would fetch the other partitions alone, and where those have nothing new that request stays
    open for half a second, in which the busy partition's next records are not requested: batches that take longer than
    0.1 s would come every half second only. A loop that polls all partitions gains nothing from it.
    """
    fetcher.Fetcher.__init__.__kwdefaults__["prefetch_backoff"] = PREFETCH_BACKOFF_S


def use_fast_lz4() -> None:
    """Make every producer of this process compress with lz4's fast level.

    aiokafka uses level 9: eight times the work of level 1 for 1.5 % fewer bytes, a tenth of all that dispatch did. Both
    of its writers, the one in C too, call this one function.
    """
    codec.lz4_encode.__defaults__ = (FAST_LZ4_LEVEL,)


class _SurrogateEscapedBytes(bytearray):
    """Bytes that always decode to text; what is not UTF-8 becomes lone surrogates."""

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        item = super().__getitem__(index)
        return _SurrogateEscapedBytes(item) if isinstance(item, bytearray) else item

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        del errors
        return super().decode(encoding, "surrogateescape")


class _PythonRecordBatch(_DefaultRecordBatchPy):  # type: ignore[misc] # aiokafka is untyped
    """aiokafka's parser in Python, which decodes nothing but header names."""

    def __iter__(self) -> Iterator[Any]:
        super().__iter__()
        self._buffer: bytearray = _SurrogateEscapedBytes(self._buffer)
        return self


class _FallbackRecordBatch:
    """A batch read by the parser in C, and by the one in Python from the first record that the former cannot read."""

    __slots__ = ("_batch", "_raw")

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw
        self._batch = DefaultRecordBatch(raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        records_read = 0
        try:
            for record in self._batch:
                records_read += 1
                yield record
        except UnicodeDecodeError:
            yield from islice(_PythonRecordBatch(self._raw), records_read, None)


class _FallbackMemoryRecords(_MemoryRecordsPy):  # type: ignore[misc] # aiokafka is untyped
    """The batches of one fetch response."""

    def next_batch(self) -> Any:
        raw = self._next_slice
        if raw is None or len(raw) <= _MAGIC_OFFSET or raw[_MAGIC_OFFSET] < 2:
            return super().next_batch()
        self._cache_next()
        return _FallbackRecordBatch(raw)
