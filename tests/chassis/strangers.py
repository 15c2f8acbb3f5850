"""What anybody on the cluster might write into a lane."""

from collections.abc import Sequence

from paidan_chassis.kafka.producer import Parcel, Publisher
from tests.chassis.stage import Stage


async def put(stage: Stage, records: Sequence[Parcel]) -> None:
    """Append records as anybody on the cluster might."""
    async with Publisher(stage.orders.cluster(), client_id="stranger") as publisher:
        await publisher.topology.ensure(["in"])
        await publisher.carry(records)
