"""Compression: at the fast level, and readable by every lz4 reader."""

from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from paidan_chassis.kafka.aiokafka_patches import FAST_LZ4_LEVEL, use_fast_lz4

LZ4 = 3
BODY = b"".join(b'{"type":"case.opened.v1","case_id":"tiny-%032x","version":1}' % number for number in range(400))


def test_producer_uses_the_fast_lz4_level() -> None:
    """aiokafka has no setting for it, so a new release could bring the slow level back unnoticed."""
    use_fast_lz4()
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=LZ4, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1_000_000,
    )  # fmt: skip

    builder.append(0, 0, None, BODY, [])
    batch = bytes(builder.build())

    frame = batch[batch.index(b"\x04\x22\x4d\x18") :]  # lz4's magic number
    records = codec.lz4_decode(frame)
    assert BODY in records
    assert frame == codec.lz4_encode(records, FAST_LZ4_LEVEL) != codec.lz4_encode(records, 9)
