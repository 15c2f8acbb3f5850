"""What one consumer is put together from."""

from dataclasses import dataclass

from paidan_chassis.lanes.anchoring import Anchoring
from paidan_chassis.lanes.fence import Fence
from paidan_chassis.lanes.ownership import Ownership
from paidan_chassis.lanes.reading import ConsumerFigures, Subscription
from paidan_chassis.lanes.relay import Relay
from paidan_chassis.lanes.session import Session
from paidan_chassis.lanes.source import Source
from paidan_chassis.lanes.work import Handler
from paidan_chassis.telling.health import Progress
from paidan_chassis.telling.logs import Log


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once by the consumer, and shared by what acts on them."""

    reading: Subscription
    handler: Handler
    session: Session
    relay: Relay
    fence: Fence
    anchoring: Anchoring
    ownership: Ownership
    source: Source
    figures: ConsumerFigures
    log: Log
    progress: Progress | None
