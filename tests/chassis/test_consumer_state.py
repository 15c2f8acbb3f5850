"""The consumer's pure functions: numbering, addressing, dropping applied records, checking positions."""

import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.consumer.batch import Batch, Lane, PoisonRecord, Record
from paidan_chassis.consumer.errors import TopicsUnknown
from paidan_chassis.consumer.lane_state import LogBounds, LogPosition, check_position, initial_position
from paidan_chassis.consumer.outbox_chunks import (
    CausedMessage,
    ChunkWriter,
    OutboxChunk,
    SequencedMessage,
    assign_sequences,
    pack,
    unpack,
)
from paidan_chassis.consumer.owned_lanes import OwnedLanes, drop_applied, group_by_lane
from paidan_chassis.consumer.positions import LOG_END, LOG_START, LanePosition
from paidan_chassis.consumer.stored_lanes import InitialPosition, StoredLane
from paidan_chassis.errors import Halt
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import partition_for
from paidan_chassis.kafka.record_batch import ProducerRecord

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
LANE = Lane("in", 0)
LOG = LogBounds("cluster", "topic", 10, 20)


def record(offset: int, partition: int = 0) -> Record:
    return Record("in", partition, offset, b"k", b"v", (), WHEN)


texts = st.text(max_size=4)
topics = st.sampled_from(["cases", "orders", "\u6848\u4ef6"])
messages = st.builds(
    Message,
    topic=topics,
    key=texts,
    value=st.binary(max_size=5),
    headers=st.lists(st.tuples(texts, st.binary(max_size=3)), max_size=3).map(tuple),
)
PARTITION_COUNTS = {"cases": 3, "orders": 1, "\u6848\u4ef6": 2}
WRITER = ChunkWriter("library", PARTITION_COUNTS)


def numbered_from(first: int, messages: Sequence[Message]) -> list[SequencedMessage]:
    return [SequencedMessage(seq, message) for seq, message in enumerate(messages, first)]


def records_of(chunks: Sequence[OutboxChunk]) -> list[ProducerRecord]:
    return [record for chunk in chunks for batch in chunk.batches for record in batch.records()]


def by_partition(records: Sequence[ProducerRecord]) -> dict[tuple[str, int], list[ProducerRecord]]:
    grouped: defaultdict[tuple[str, int], list[ProducerRecord]] = defaultdict(list)
    for each in records:
        grouped[each.topic, each.partition].append(each)
    return dict(grouped)


@given(st.lists(messages, min_size=1, max_size=8), st.integers(1, 2**40))
def test_outbox_row_holds_every_message_with_its_place(messages: list[Message], first: int) -> None:
    chunk = WRITER.write(LANE, numbered_from(first, messages), {"orders-0": 7})

    assert chunk == unpack(LANE, first, first + len(messages) - 1, pack(chunk))
    assert chunk.message_count == len(messages)
    by_seq = {int(dict(each.headers)["ce_sequence"] or 0): each for each in records_of([chunk])}
    last = {"orders-0": 7}
    for seq, message in enumerate(messages, first):
        found = by_seq[seq]
        target = f"{found.topic}-{found.partition}"
        assert (found.topic, found.key, found.value) == (message.topic, message.key.encode(), message.value)
        assert found.partition == partition_for(message.key.encode(), PARTITION_COUNTS[message.topic])
        place = [
            ("ce_origin", b"library/in-0"),
            ("ce_sequence", b"%d" % seq),
            ("ce_previous", b"%d" % last.get(target, 0)),
        ]
        assert found.headers == [*message.headers, *place]
        last[target] = seq
    assert last == {"orders-0": 7, **chunk.last_seqs}


@given(st.lists(messages, min_size=1, max_size=8), st.integers(0, 8))
def test_batch_boundaries_do_not_affect_records(messages: list[Message], border: int) -> None:
    """Record batches differ with the cuts; the records in them, read partition by partition, do not."""
    whole = WRITER.write(LANE, numbered_from(1, messages), {})
    parts: list[OutboxChunk] = []
    previous: dict[str, int] = {}
    for part in (messages[:border], messages[border:]):
        if part:
            parts.append(
                WRITER.write(LANE, numbered_from(1 + sum(each.message_count for each in parts), part), previous)
            )
            previous |= parts[-1].last_seqs

    assert by_partition(records_of(parts)) == by_partition(records_of([whole]))


def test_topics_without_a_known_number_of_partitions_are_named() -> None:
    """They are looked up after a rollback; nothing of the batch is written without them."""
    emitted = [(record(1), Message(topic, "k", b"", ())) for topic in ("new", "cases", "newer")]

    with pytest.raises(TopicsUnknown) as unknown:
        WRITER.write_all(emitted, {LANE: 0}, {LANE: {}})

    assert unknown.value.topics == {"new", "newer"}


@given(st.data(), st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), max_size=12))
def test_batch_boundaries_do_not_affect_sequence_numbers(data: st.DataObject, causes: list[tuple[int, int]]) -> None:
    """Kafka cuts batches anywhere, and handlers emit in any order across records."""
    in_log_order = sorted(causes, key=lambda cause: cause[1])
    message: list[CausedMessage] = [
        (record(offset, partition), Message("t", f"{at}", b"", ()))
        for at, (partition, offset) in enumerate(in_log_order)
    ]
    border = data.draw(st.integers(0, 6))
    before = [each for each in message if each[0].offset < border]
    after = [each for each in message if each[0].offset >= border]
    start = {Lane("in", 0): 7, Lane("in", 1): 0}

    ranks = data.draw(st.permutations(range(6)))
    whole = assign_sequences(sorted(message, key=lambda each: ranks[each[0].offset]), start)
    first = assign_sequences(before, start)
    ends = {lane: first[lane][-1].seq if lane in first else seq for lane, seq in start.items()}
    second = assign_sequences(sorted(after, key=lambda each: each[0].partition), ends)

    parts = {lane: first.get(lane, []) + second.get(lane, []) for lane in start}
    assert {lane: numbered for lane, numbered in parts.items() if numbered} == whole


@pytest.mark.parametrize(
    ("key", "java_hash"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_partitioner_agrees_with_the_java_client(key: bytes, java_hash: int) -> None:
    """The hashes are those of Kafka's own test of murmur2."""
    assert partition_for(key, 97) == (java_hash & 0x7FFFFFFF) % 97


@pytest.mark.parametrize(
    ("next_offset", "new", "rewind_to"),
    [(3, [3, 4, 5], {}), (4, [4, 5], {}), (6, [], {}), (2, [], {LANE: 2})],
    ids=["on", "some applied before", "all applied before", "some missing"],
)
def test_only_new_consecutive_records_are_applied(next_offset: int, new: list[int], rewind_to: dict[Lane, int]) -> None:
    stored = {LANE: LanePosition(next_offset, 0)}

    result = drop_applied([record(3), record(4), record(5)], stored, OwnedLanes().is_gap)

    assert [each.offset for each in result.records] == new
    assert result.rewind_to == rewind_to


def test_gap_confirmed_twice_is_skipped() -> None:
    lanes = OwnedLanes()
    lanes.accept_gap(LANE, 2)

    result = drop_applied([record(3)], {LANE: LanePosition(2, 0)}, lanes.is_gap)

    assert [each.offset for each in result.records] == [3]


def test_gap_in_one_lane_does_not_block_another() -> None:
    stored = {Lane("in", 0): LanePosition(0, 0), Lane("in", 1): LanePosition(8, 0)}

    result = drop_applied([record(5), record(8, 1)], stored, OwnedLanes().is_gap)

    assert [each.lane for each in result.records] == [Lane("in", 1)]
    assert result.rewind_to == {Lane("in", 0): 0}


def test_records_are_grouped_by_lane() -> None:
    grouped = dict(group_by_lane([record(1), record(2), record(1, 1)]))

    assert {lane: len(group) for lane, group in grouped.items()} == {Lane("in", 0): 2, Lane("in", 1): 1}


def lane_row(next_offset: int, *, cluster: str | None = "cluster", topic: str | None = "topic") -> StoredLane:
    return StoredLane(LanePosition(next_offset, 0), 0, {}, cluster, topic)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (None, InitialPosition(10, "cluster", "topic")),
        (lane_row(10), None),
        (lane_row(20), None),
        (lane_row(LOG_START), InitialPosition(10, "cluster", "topic")),
        (lane_row(LOG_END), InitialPosition(20, "cluster", "topic")),
        (lane_row(15, cluster=None, topic=None), InitialPosition(15, "cluster", "topic")),
    ],
)
def test_initial_position_is_stored_or_set_by_an_operator(
    stored: StoredLane | None, expected: InitialPosition | None
) -> None:
    assert initial_position(LANE, stored, LOG) == expected


@pytest.mark.parametrize(
    ("position", "reason"),
    [
        (LogPosition(9, "cluster", "topic"), "offset_before_log"),
        (LogPosition(21, "cluster", "topic"), "offset_after_log"),
        (LogPosition(15, "another", "topic"), "cluster_changed"),
        (LogPosition(15, "cluster", "another"), "topic_changed"),
    ],
)
def test_invalid_stored_offset_halts(position: LogPosition, reason: str) -> None:
    with pytest.raises(Halt) as halt:
        check_position(LANE, LOG, position)

    assert halt.value.reason == reason


def test_oversized_message_is_refused_before_the_outbox() -> None:
    """In the outbox it would block its lane for ever."""
    batch = Batch(None, [], max_message_bytes=100)  # type: ignore[arg-type] # the database is not used

    batch.emit(record(1), Message("t", "k", os.urandom(100), ()))
    with pytest.raises(PoisonRecord, match="too_large"):
        batch.emit(record(2), Message("t", "k", os.urandom(101), ()))
