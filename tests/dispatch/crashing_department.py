"""A department on the typed client that accepts and finishes one case, and is killed at a chosen step of it.

Run as a program: KAFKA PREFIX GROUP CASE_ID PHOTO STEP. Steps are counted from the delivery of the case's order.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from paidan_contracts.client import Accept, DepartmentClient, Finish
from paidan_contracts.orders import OrderIssued

STEPS: Final = 7
"""The delivery; before and after each of two answers; before and after the commit."""


class KillSwitch:
    """Counts steps once it is armed, and ends the process at one of them as `kill -9` does."""

    def __init__(self, step: int) -> None:
        self._left = step
        self._armed = False

    def arm(self) -> None:
        self._armed = True
        self.count()

    def count(self) -> None:
        self._left -= self._armed
        if self._armed and self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(*arguments: object, **options: object) -> object:
            self.count()
            result = await call(*arguments, **options)
            self.count()
            return result

        return counted


async def work(kafka: str, prefix: str, group: str, case_id: str, photo: str, step: int) -> None:
    switch = KillSwitch(step)
    AIOKafkaProducer.send_and_wait = switch.around(AIOKafkaProducer.send_and_wait)
    AIOKafkaConsumer.commit = switch.around(AIOKafkaConsumer.commit)
    client = DepartmentClient("streets", kafka, topic_prefix=prefix, group=group)
    async with client:
        async for message in client.messages():
            if isinstance(message, OrderIssued) and message.order.case_id == case_id:
                switch.arm()
                await client.answer(message.order, Accept())
                await client.answer(message.order, Finish(proof=(photo,)))


if __name__ == "__main__":
    kafka, prefix, group, case_id, photo, step = sys.argv[1:]
    asyncio.run(work(kafka, prefix, group, case_id, photo, int(step)))
