"""What one consumer is put together from."""

from dataclasses import dataclass

from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.config import ConsumerMetrics, Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.fence import FencedTransaction
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.subscriber import GroupSubscriber
from paidan_chassis.consumer.takeover import LaneTakeover
from paidan_chassis.observability.health import LoopProgress
from paidan_chassis.observability.logs import Logger


@dataclass(frozen=True, slots=True)
class ConsumerParts:
    """Made once by the consumer, and shared by what acts on them."""

    subscription: Subscription
    handler: Handler
    connection: HeldConnection
    relay: Relay
    transaction: FencedTransaction
    takeover: LaneTakeover
    rebalance: RebalanceListener
    subscriber: GroupSubscriber
    metrics: ConsumerMetrics
    log: Logger
    progress: LoopProgress | None
