"""Lets aiokafka read records whose header names are not UTF-8.

Its parser raises on one, from every poll, for ever: a single such record, which anybody may append, would stop all
lanes of a consumer. FastStream builds its consumers itself, so the parser is replaced where aiokafka's fetcher looks
for it.
"""
# ruff: noqa: ANN401 - what is passed through is aiokafka's, which is untyped

from collections.abc import Iterator
from itertools import islice
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

_MAGIC_OFFSET = 16


class _SurrogateEscapedBytes(bytearray):
    """Bytes that decode to text whatever they are; what is not UTF-8 becomes lone surrogates."""

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
    """A batch read by the parser in C, and from the record that this cannot read on by the one in Python."""

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
    """What a fetch has brought, batch by batch."""

    def next_batch(self) -> Any:
        raw = self._next_slice
        if raw is None or len(raw) <= _MAGIC_OFFSET or raw[_MAGIC_OFFSET] < 2:
            return super().next_batch()
        self._cache_next()
        return _FallbackRecordBatch(raw)


def accept_non_utf8_header_names() -> None:
    """Have every consumer of this process read so from now on."""
    fetcher.MemoryRecords = _FallbackMemoryRecords
