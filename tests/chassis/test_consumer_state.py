"""What lanes decide without a server: numbers, packing, which records are new, which log is the right one."""

import os
from datetime import UTC, datetime

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.consumer.batch import Work
from paidan_chassis.consumer.errors import Halt, Poison
from paidan_chassis.consumer.lane_state import (
    At,
    LogFound,
    anchored,
    by_lane,
    check,
    cut,
)
from paidan_chassis.consumer.outbox import (
    Numbered,
    Said,
    number,
    pack,
    unpack,
)
from paidan_chassis.consumer.positions import (
    LOG_END,
    LOG_START,
    Anchor,
    Anchored,
    Position,
)
from paidan_chassis.consumer.records import Lane, Message, Record
from paidan_chassis.kafka.partitioner import murmur2

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
LANE = Lane("in", 0)
LOG = LogFound("cluster", "topic", 10, 20)


def record(offset: int, partition: int = 0) -> Record:
    return Record("in", partition, offset, b"k", b"v", (), WHEN)


texts = st.text(max_size=4)
messages = st.builds(
    Message,
    topic=texts,
    key=texts,
    value=st.binary(max_size=5),
    headers=st.lists(st.tuples(texts, st.binary(max_size=3)), max_size=3).map(tuple),
)


@given(st.lists(messages, min_size=1, max_size=5), st.integers(1, 2**40))
def test_what_is_packed_is_unpacked(said: list[Message], first: int) -> None:
    numbered = [Numbered(seq, message) for seq, message in enumerate(said, first)]

    chunk = pack(LANE, numbered)

    assert (chunk.first_seq, chunk.last_seq) == (first, first + len(said) - 1)
    assert list(unpack(chunk)) == numbered


def test_a_chunk_of_another_release_halts() -> None:
    chunk = pack(LANE, [Numbered(1, Message("t", "k", b"v", ()))])

    with pytest.raises(Halt, match="outbox_unreadable"):
        list(unpack(chunk._replace(body=b"\x09" + chunk.body[1:])))


@given(st.data(), st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), max_size=12))
def test_where_a_batch_is_cut_never_shows_in_the_numbers(data: st.DataObject, causes: list[tuple[int, int]]) -> None:
    """Kafka cuts batches anywhere, and handlers emit in any order across records."""
    in_log_order = sorted(causes, key=lambda cause: cause[1])
    said: list[Said] = [
        (record(offset, partition), Message("t", f"{at}", b"", ()))
        for at, (partition, offset) in enumerate(in_log_order)
    ]
    border = data.draw(st.integers(0, 6))
    before = [each for each in said if each[0].offset < border]
    after = [each for each in said if each[0].offset >= border]
    start = {Lane("in", 0): 7, Lane("in", 1): 0}

    ranks = data.draw(st.permutations(range(6)))
    whole = number(sorted(said, key=lambda each: ranks[each[0].offset]), start)
    first = number(before, start)
    ends = {lane: first[lane][-1].seq if lane in first else seq for lane, seq in start.items()}
    second = number(sorted(after, key=lambda each: each[0].partition), ends)

    parts = {lane: first.get(lane, []) + second.get(lane, []) for lane in start}
    assert {lane: numbered for lane, numbered in parts.items() if numbered} == whole


@given(st.binary(max_size=24))
def test_a_key_goes_where_every_stock_client_puts_it(key: bytes) -> None:
    assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("stands_at", "fresh", "ahead"),
    [(3, [3, 4, 5], {}), (4, [4, 5], {}), (6, [], {}), (2, [], {LANE: 2})],
    ids=["on", "some applied before", "all applied before", "some missing"],
)
def test_only_what_is_new_and_follows_is_applied(stands_at: int, fresh: list[int], ahead: dict[Lane, int]) -> None:
    found = {LANE: Position(stands_at, 0, 0)}

    result = cut([record(3), record(4), record(5)], found, {})

    assert [each.offset for each in result.fresh] == fresh
    assert result.ahead == ahead


def test_a_gap_looked_at_twice_is_passed_over() -> None:
    result = cut([record(3)], {LANE: Position(2, 0, 0)}, {LANE: 2})

    assert [each.offset for each in result.fresh] == [3]


def test_one_lane_ahead_does_not_hold_up_another() -> None:
    found = {Lane("in", 0): Position(0, 0, 0), Lane("in", 1): Position(8, 0, 0)}

    result = cut([record(5), record(8, 1)], found, {})

    assert [each.lane for each in result.fresh] == [Lane("in", 1)]
    assert result.ahead == {Lane("in", 0): 0}


def test_records_are_grouped_by_lane() -> None:
    grouped = dict(by_lane([record(1), record(2), record(1, 1)]))

    assert {lane: len(group) for lane, group in grouped.items()} == {Lane("in", 0): 2, Lane("in", 1): 1}


def row(next_offset: int, *, cluster: str | None = "cluster", topic: str | None = "topic") -> Anchored:
    return Anchored(Position(next_offset, 0, 0), {}, cluster, topic)


@pytest.mark.parametrize(
    ("stored", "anchor"),
    [
        (None, Anchor(10, "cluster", "topic")),
        (row(10), None),
        (row(20), None),
        (row(LOG_START), Anchor(10, "cluster", "topic")),
        (row(LOG_END), Anchor(20, "cluster", "topic")),
        (row(15, cluster=None, topic=None), Anchor(15, "cluster", "topic")),
    ],
)
def test_a_lane_is_anchored_where_it_stands_or_where_an_operator_said(
    stored: Anchored | None, anchor: Anchor | None
) -> None:
    assert anchored(LANE, stored, LOG) == anchor


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (At(9, "cluster", "topic"), "offset_before_log"),
        (At(21, "cluster", "topic"), "offset_after_log"),
        (At(15, "another", "topic"), "cluster_changed"),
        (At(15, "cluster", "another"), "topic_changed"),
    ],
)
def test_an_offset_that_means_something_else_halts(at: At, reason: str) -> None:
    with pytest.raises(Halt) as halt:
        check(LANE, LOG, at)

    assert halt.value.reason == reason


def test_what_no_broker_takes_is_refused_before_it_enters_the_outbox() -> None:
    """Inside, it would block its lane for ever."""
    work = Work(None, [], largest=100)  # type: ignore[arg-type] # nothing here asks the database

    work.emit(record(1), Message("t", "k", os.urandom(100), ()))
    with pytest.raises(Poison, match="too_large"):
        work.emit(record(2), Message("t", "k", os.urandom(101), ()))
