"""Takes lanes over, again when another owner has moved them, and seeks back where records are missing."""

from collections.abc import Collection, Sequence

from paidan_chassis.consumer.batch import Handler, Lane
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.errors import AssignmentLost
from paidan_chassis.consumer.outages import OutageRetry
from paidan_chassis.consumer.owned_lanes import OwnedLanes
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.subscriber import GroupSubscriber
from paidan_chassis.consumer.takeover import LaneTakeover
from paidan_chassis.observability.logs import Logger


class LaneRecovery:
    """The take-over of lanes, first and again, and seeking back. Callers hold the batch lock."""

    def __init__(  # noqa: PLR0913 - collaborators, passed by name
        self,
        *,
        subscription: Subscription,
        handler: Handler,
        lanes: OwnedLanes,
        takeover: LaneTakeover,
        subscriber: GroupSubscriber,
        relay: Relay,
        outages: OutageRetry,
        log: Logger,
    ) -> None:
        self.fenced = 0
        """Times another owner was found to have moved a lane."""
        self.gaps = 0
        """Times records were missing from the log for good."""
        self._subscription = subscription
        self._handler = handler
        self._lanes = lanes
        self._takeover = takeover
        self._subscriber = subscriber
        self._relay = relay
        self._outages = outages
        self._log = log
        self._last_rewinds: dict[Lane, int] = {}

    async def take_over(self, lanes: Collection[Lane]) -> None:
        """Load the lanes that are not owned yet, queue their unrelayed messages, and seek to their offsets."""
        new = sorted(lane for lane in lanes if lane not in self._lanes.states)
        if new:
            await self._outages.run(lambda: self._load(new))

    async def reload(self, lanes: Collection[Lane]) -> None:
        """Take lanes over again that another owner has moved."""
        self.fenced += 1
        self._log.warning("lanes_moved_by_another", lanes=[str(lane) for lane in lanes])
        self._handler.clear_cache()
        self._lanes.remove(lanes)
        await self.take_over(lanes)

    async def ensure_topics(self, topics: Collection[str]) -> None:
        """Look up or create topics, after the batch that needs them was rolled back."""
        self._handler.clear_cache()
        await self._outages.run(lambda: self._takeover.ensure_topics(topics))

    async def reload_moved_lanes(self) -> None:
        """Take over again all lanes that have moved: after a restore of the database nothing else signals it."""
        if not self._lanes.states:
            return
        stored = await self._takeover.stored_positions(self._lanes.states)
        if moved_lanes := self._lanes.moved_elsewhere(stored, list(self._lanes.states)):
            await self.reload(moved_lanes)

    async def rewind(self, lane: Lane, offset: int) -> None:
        """Seek back to an offset whose record was not in the batch; accept a gap when it is missing a second time."""
        if self._last_rewinds.get(lane) == offset:
            # The record does not exist. Compaction and control records leave such gaps; a lost log halts here.
            await self.verify_logs([lane])
            self._lanes.accept_gap(lane, offset)
            if lane.topic not in self._subscription.compacted_topics:
                self.gaps += 1
                self._log.error("records_missing", topic=lane.topic, partition=lane.partition, offset=offset)
        self._last_rewinds[lane] = offset
        self._subscriber.seek(lane, offset)

    async def verify_logs(self, lanes: Collection[Lane]) -> None:
        """Raise ``Halt`` when a lane's log is no longer the one that it was taken over with."""
        client = self._subscriber.client
        if client is not None:
            states = {lane: self._lanes.states[lane] for lane in lanes}
            await self._outages.run(lambda: self._takeover.verify(client, states))

    async def _load(self, lanes: Sequence[Lane]) -> None:
        client = self._subscriber.client
        if client is None:
            raise AssignmentLost
        taken_lanes = await self._takeover.take_over(client, lanes)
        self._handler.clear_cache()
        for lane, taken in taken_lanes.items():
            self._lanes.add(lane, taken.state, trial=taken.trial)
            if taken.trial:
                self._log.warning("lane_on_trial", lane=str(lane), **taken.trial._asdict())
            self._last_rewinds.pop(lane, None)  # a gap must be found twice since this take-over
            self._relay.take_over(lane, relayed_seq=taken.relayed_seq, previous=taken.previous, chunks=taken.unrelayed)
            self._subscriber.seek(lane, taken.state.next_offset)
        self._subscription.on_assigned(lanes)
