"""What one consumer is put together from."""

from dataclasses import dataclass

from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.config import ConsumerFigures, Subscription
from paidan_chassis.consumer.connection import Session
from paidan_chassis.consumer.fence import Fence
from paidan_chassis.consumer.rebalance import Ownership
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.subscriber import Source
from paidan_chassis.consumer.takeover import Anchoring
from paidan_chassis.observability.health import Progress
from paidan_chassis.observability.logs import Log


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
