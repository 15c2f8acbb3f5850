"""Record batches of our own making hold what aiokafka's reader finds in them, and are sent by any producer."""

import os
from collections import defaultdict

import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.kafka.record_batch import (
    MAX_BATCH_BYTES,
    ProducerRecord,
    RecordBatch,
    SendableBatch,
    build_batches,
    group_by_partition,
)

maybe_bytes = st.none() | st.binary(max_size=20) | st.sampled_from([b"", b"a" * 3000, b"\xff\xfe"])
records = st.builds(
    ProducerRecord,
    topic=st.sampled_from(["cases", "orders", "\u6848\u4ef6"]),
    partition=st.integers(0, 2),
    key=maybe_bytes,
    value=maybe_bytes,
    headers=st.lists(st.tuples(st.text(max_size=5), maybe_bytes), max_size=4),
)


def sent_bytes(batch: RecordBatch, *, producer_id: int = 7, epoch: int = 1, sequence: int = 30) -> bytearray:
    sendable = SendableBatch(batch)
    sendable._set_producer_state(producer_id, epoch, sequence)  # noqa: SLF001 - as aiokafka calls it
    return sendable._build()  # noqa: SLF001


@given(st.lists(records, max_size=30))
def test_reader_finds_every_record_in_its_order(records: list[ProducerRecord]) -> None:
    expected: defaultdict[tuple[str, int], list[ProducerRecord]] = defaultdict(list)
    for each in records:
        expected[each.topic, each.partition].append(each)

    batches = build_batches(records)

    assert {(each.topic, each.partition): list(each.records()) for each in batches} == expected
    assert sum(each.record_count for each in batches) == len(records)
    for batch in batches:
        read = DefaultRecordBatch(sent_bytes(batch))
        assert read.validate_crc()
        assert [(each.offset, each.key, each.value, each.headers) for each in read] == [
            (offset, each.key, each.value, each.headers)
            for offset, each in enumerate(expected[batch.topic, batch.partition])
        ]


def test_producer_that_sends_a_batch_is_set_in_its_head_alone() -> None:
    """The stored bytes stay as they are, whoever sends them and however often."""
    (batch,) = build_batches([ProducerRecord("cases", 0, b"k", b"%d" % n, []) for n in range(3)])

    first, second = sent_bytes(batch), sent_bytes(batch, producer_id=2**40, epoch=3, sequence=2**31 - 1)

    read = [DefaultRecordBatch(each) for each in (first, second)]
    assert [(each.producer_id, each.producer_epoch, each.base_sequence) for each in read] == [
        (7, 1, 30),
        (2**40, 3, 2**31 - 1),
    ]
    assert all(each.validate_crc() for each in read)
    assert all(each.first_timestamp == each.max_timestamp > 1_700_000_000_000 for each in read)
    assert first[61:] == second[61:] == batch.body[61:]


def test_records_beyond_the_limit_go_into_further_batches() -> None:
    records = [ProducerRecord("cases", 0, b"k", os.urandom(100_000), []) for _ in range(12)]
    large = ProducerRecord("cases", 0, b"k", os.urandom(2 * MAX_BATCH_BYTES), [])

    batches = build_batches([*records, large, *records])

    assert [record for batch in batches for record in batch.records()] == [*records, large, *records]
    assert [batch.record_count for batch in batches] == [5, 5, 2, 1, 5, 5, 2]
    assert group_by_partition(batches) == [batches]


@pytest.mark.parametrize(("count", "halves"), [(1, [1]), (2, [1, 1]), (5, [2, 3])])
def test_batch_is_halved_in_its_order(count: int, halves: list[int]) -> None:
    records = [ProducerRecord("cases", 2, b"k", b"%d" % n, [("h", None)]) for n in range(count)]
    (batch,) = build_batches(records)

    assert [each.record_count for each in batch.halves()] == halves
    assert [record for each in batch.halves() for record in each.records()] == records
