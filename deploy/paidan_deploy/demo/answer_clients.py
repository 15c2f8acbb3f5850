"""How departments read orders and answer them: over their Kafka topics with a stock client, or over HTTP."""

import asyncio
import json
from dataclasses import dataclass
from random import Random
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_deploy.demo.departments import DemoDepartment
from paidan_deploy.demo.http_client import CallRefused, ServiceClient
from paidan_deploy.demo.pictures import draw_proof


@dataclass(frozen=True, slots=True)
class KafkaAnswerClient:
    """Answers on the department's own topic."""

    producer: AIOKafkaProducer
    topic: str

    async def answer(self, case_id: str, answer_id: str, action: dict[str, Any]) -> None:
        """Send the answer and wait until the broker has it."""
        message = json.dumps({"case_id": case_id, "id": answer_id, "action": action}, ensure_ascii=False)
        await self.producer.send_and_wait(self.topic, message.encode(), key=case_id.encode())


@dataclass(frozen=True, slots=True)
class HttpAnswerClient:
    """Answers by ``POST /v1/cases/{case_id}/actions``."""

    client: ServiceClient

    async def answer(self, case_id: str, answer_id: str, action: dict[str, Any]) -> None:
        """Post the answer, again until it is accepted."""
        await self.client.submit_action(case_id, action, idempotency_key=answer_id)


@dataclass(frozen=True, slots=True)
class UploadedProofs:
    """Photos by ``POST /v1/photos?case_id=``, each another one."""

    client: ServiceClient
    rng: Random

    async def store(self, case_id: str) -> str:
        """Upload a photo for a case."""
        uploaded = await self.client.post(
            "/v1/photos",
            params={"case_id": case_id},
            content=draw_proof(self.rng),
            headers={"content-type": "image/jpeg"},
        )
        return str(uploaded["ref"])


async def follow_orders_topic(department: DemoDepartment, kafka: KafkaCluster, topic: str) -> None:
    """Follow the department's orders for ever, from where its consumer group stopped."""
    consumer = AIOKafkaConsumer(
        kafka.prefixed(topic),
        group_id=f"office-{department.department_id}",
        auto_offset_reset="earliest",
        enable_auto_commit=True,
        auto_commit_interval_ms=1000,
        **kafka.client_options(),
    )
    try:
        await consumer.start()
        async for message in consumer:
            body = json.loads(message.value or b"{}")
            if str(body.get("type", "")).startswith("order."):  # a standing order is of no case
                department.handle_order(body["type"], body["order"], str(body.get("because", "")))
    finally:
        await consumer.stop()


async def poll_orders(department: DemoDepartment, client: ServiceClient, every_s: float) -> None:
    """Poll the snapshot of open orders for ever; an order that is no longer in it needs no more work."""
    while True:
        try:
            with department.scheduler.running_task():
                snapshot = await client.get("/v1/orders")
        except CallRefused:
            snapshot = {"orders": []}
        for item in snapshot["orders"]:
            if item["status"] in ("dispatched", "handling"):
                department.handle_order("order.changed.v1", item["order"])
        await asyncio.sleep(every_s)


async def restore_open_orders(department: DemoDepartment, client: ServiceClient) -> None:
    """Plan the work on orders that an earlier day left open, from the snapshot."""
    for item in (await client.get("/v1/orders"))["orders"]:
        department.restore(item["order"], item["status"])
