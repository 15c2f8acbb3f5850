"""A lane that halts is held before the record at fault; once the consumer's others are drained, the consumer halts.

As on an upgrade, where each lane halts at the mark of the next release, and must be read up to its own.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from paidan_chassis.consumer.batch import Lane, Record
from paidan_chassis.consumer.owned_lanes import OwnedLanes
from paidan_chassis.consumer.subscriber import GroupSubscriber
from paidan_chassis.errors import Halt
from paidan_chassis.observability.health import LoopProgress
from paidan_chassis.observability.logs import Logger

_DRAINED_AFTER_IDLE_S: Final = 1.0
_GIVEN_UP_AFTER_IDLE_S: Final = 30.0
"""The end of a log that was compacted or shortened there may be past every record there is to read."""


class HeldLanes:
    """The lanes of a consumer that halted by themselves. After a rebalance the next owner finds the cause."""

    def __init__(
        self, lanes: OwnedLanes, subscriber: GroupSubscriber, log: Logger, progress: LoopProgress | None
    ) -> None:
        self._lanes = lanes
        self._progress = progress
        self._subscriber = subscriber
        self._log = log

    def hold(self, lane: Lane, halt: Halt) -> None:
        """Apply nothing more of a lane. Raises the halt when no other lane is left to go on with."""
        self._lanes.held[lane] = halt
        if self._progress:
            self._progress.hold(f"lane {lane} is halted, the others go on: {halt}")
        self._subscriber.pause(lane)
        self._log.error(
            "lane_halted", topic=lane.topic, partition=lane.partition, reason=halt.reason, detail=halt.detail
        )
        self.raise_when_drained(idle_s=0.0)

    def leave_out(self, parts: Sequence[Sequence[Record]]) -> list[Sequence[Record]]:
        """Return parts of a batch without the records of held lanes."""
        held = self._lanes.held
        return [rest for part in parts if (rest := [record for record in part if record.lane not in held])]

    def raise_when_drained(self, *, idle_s: float) -> None:
        """Raise the halt of the held lanes once all are held, or the others are idle at the ends of their logs.

        Being idle alone proves nothing: on a busy machine records may be on their way for longer than any moment.
        """
        held, others = self._lanes.held, self._lanes.states.keys() - self._lanes.held.keys()
        if not held or (others and idle_s <= _DRAINED_AFTER_IDLE_S):
            return
        if idle_s > _GIVEN_UP_AFTER_IDLE_S or all(self._is_at_end(lane) for lane in others):
            first = next(iter(held.values()))
            same = [each.detail for each in held.values() if each.reason == first.reason]
            raise Halt(first.reason, _joined(dict.fromkeys(same)))

    def _is_at_end(self, lane: Lane) -> bool:
        end = self._subscriber.last_known_end(lane)
        return end is not None and self._lanes.states[lane].effective_offset >= end


def _joined(details: Iterable[str]) -> str:
    """Return details of halts as one, the English of all before the Chinese of all."""
    pairs = [each.partition(" | ") for each in details]
    chinese = "；".join(zh for _, _, zh in pairs if zh)
    return "; ".join(en for en, _, _ in pairs) + (f" | {chinese}" if chinese else "")
