"""Lanes that halted: the consumer halts with them once the others are at their ends, however slow the machine."""

import pytest
from aiokafka import ConsumerRebalanceListener

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.held_lanes import HeldLanes
from paidan_chassis.consumer.lane_state import LaneState, LogBounds
from paidan_chassis.consumer.owned_lanes import OwnedLanes
from paidan_chassis.consumer.subscriber import GroupSubscriber
from paidan_chassis.errors import Halt
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.observability import logs
from tests import vault

FIRST, SECOND = Lane("in", 0), Lane("in", 1)
MARK = Halt("wrong_release", "decided by the next release")


class Unmoved(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """A member of a group that is never rebalanced."""

    async def on_partitions_assigned(self, assigned: object) -> None: ...

    async def on_partitions_revoked(self, revoked: object) -> None: ...


def build_held_lanes(*owned: Lane) -> HeldLanes:
    """Build what holds lanes of a consumer that has polled nothing yet."""
    lanes = OwnedLanes()
    for lane in owned:
        lanes.add(lane, LaneState(0, 0, LogBounds("cluster", "topic", 0, 3)))
    subscription = Subscription("ledger", topics=("in",), cipher=vault.build_cipher())
    subscriber = GroupSubscriber(subscription, KafkaCluster("127.0.0.1:1"), listener=Unmoved())
    return HeldLanes(lanes, subscriber, logs.get_logger(), None)


@pytest.mark.parametrize("idle_s", [0.0, 1.5, 5.0, 29.0])
def test_a_lane_whose_end_is_not_known_is_waited_for(idle_s: float) -> None:
    """Between two slow batches of a busy machine nothing runs for seconds, and records are still unread."""
    held_lanes = build_held_lanes(FIRST, SECOND)

    held_lanes.hold(FIRST, MARK)

    held_lanes.raise_when_drained(idle_s=idle_s)


def test_a_lane_that_never_reaches_its_end_is_not_waited_for_without_end() -> None:
    held_lanes = build_held_lanes(FIRST, SECOND)
    held_lanes.hold(FIRST, MARK)

    with pytest.raises(Halt, match="next release"):
        held_lanes.raise_when_drained(idle_s=31.0)


def test_the_last_lane_that_halts_ends_the_waiting_at_once() -> None:
    held_lanes = build_held_lanes(FIRST, SECOND)
    held_lanes.hold(FIRST, MARK)

    with pytest.raises(Halt, match="next release"):
        held_lanes.hold(SECOND, MARK)


def test_the_details_of_several_lanes_are_told_in_each_language_together() -> None:
    held_lanes = build_held_lanes(FIRST, SECOND)
    held_lanes.hold(FIRST, Halt("wrong_release", "first | 甲"))

    with pytest.raises(Halt) as raised:
        held_lanes.hold(SECOND, Halt("wrong_release", "second | 乙"))

    assert raised.value.detail == "first; second | 甲；乙"
