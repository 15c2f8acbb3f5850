"""What one consumer is put together from."""

from dataclasses import dataclass

from paidan_chassis.anchoring import Anchoring
from paidan_chassis.fence import Fence
from paidan_chassis.health import Progress
from paidan_chassis.logs import Log
from paidan_chassis.ownership import Ownership
from paidan_chassis.reading import ConsumerFigures, Subscription
from paidan_chassis.relay import Relay
from paidan_chassis.session import Session
from paidan_chassis.source import Source
from paidan_chassis.work import Handler


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
