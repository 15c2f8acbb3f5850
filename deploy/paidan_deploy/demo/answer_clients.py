"""The two doors of the desk as an office uses them: its own Kafka topics with a stock client, or HTTP."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from .departments import Office
from .http_client import Face, Refused


@dataclass(frozen=True, slots=True)
class KafkaVoice:
    """Answers on the office's own topic."""

    producer: AIOKafkaProducer
    topic: str

    async def answer(self, case_id: str, own_id: str, action: dict[str, Any]) -> None:
        """Write the answer and wait until the broker has it."""
        said = json.dumps({"case_id": case_id, "id": own_id, "action": action}, ensure_ascii=False)
        await self.producer.send_and_wait(self.topic, said.encode(), key=case_id.encode())


@dataclass(frozen=True, slots=True)
class HttpVoice:
    """Answers by ``POST /v1/cases/{case_id}/actions``."""

    face: Face

    async def answer(self, case_id: str, own_id: str, action: dict[str, Any]) -> None:
        """Say it until it is taken."""
        await self.face.act(case_id, action, own_id=own_id)


async def listen_on_kafka(office: Office, bootstrap: str, topic: str) -> None:
    """Read the office's orders for ever; where it stopped last time is the group's business."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"office-{office.department}",
        auto_offset_reset="earliest",
        enable_auto_commit=True,
        auto_commit_interval_ms=1000,
    )
    await consumer.start()
    try:
        async for message in consumer:
            said = json.loads(message.value or b"{}")
            if "order" in said:
                office.hear(said["type"], said["order"])
    finally:
        await consumer.stop()


async def listen_over_http(office: Office, face: Face, every_s: float) -> None:
    """Ask for the snapshot of open orders again and again; an order that is gone from it needs nothing more."""
    while True:
        try:
            with office.agenda.under_way():
                snapshot = await face.get("/v1/orders")
        except Refused:
            snapshot = {"orders": []}
        for shown in snapshot["orders"]:
            if shown["status"] in ("dispatched", "handling"):
                office.hear("order.changed.v1", shown["order"])
        await asyncio.sleep(every_s)


async def take_up(office: Office, face: Face) -> None:
    """Take up what an earlier day left open, from the snapshot."""
    for shown in (await face.get("/v1/orders"))["orders"]:
        office.resume(shown["order"], shown["status"])
