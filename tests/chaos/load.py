"""Clients of the public interfaces that report, answer, inspect and call back, and retry until they succeed."""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts import ids
from paidan_contracts.topics import ALARMS, CASES, INBOX, answers_topic_of, find_topic, orders_topic_of
from tests.chaos.installation import ChaosInstallation
from tests.chaos.payloads import (
    bucket_of,
    build_alarm,
    build_answers,
    build_callback,
    build_inspection,
    build_proof,
    build_ticket,
    with_repeats,
)

DEPARTMENTS: Final = ("streets", "lamps")
SENDER_COUNT: Final = 4
_MAX_BATCH: Final = 60


@dataclass(slots=True)
class Load:
    """Sends reports and actions to an installation, and records what was acknowledged."""

    installation: ChaosInstallation
    seed: int
    answered_percent: int = 100
    """The share of orders that departments answer."""
    accepted_tickets: dict[str, str] = field(default_factory=dict)
    """The report's id of each ticket answered 2xx, by the sender's id."""
    acknowledged_alarms: set[str] = field(default_factory=set)
    """The report's id of each alarm that Kafka has acknowledged."""
    answer_count: int = 0
    action_count: int = 0
    unavailable_count: int = 0

    @property
    def delivered_count(self) -> int:
        return len(self.accepted_tickets) + len(self.acknowledged_alarms)

    async def send_reports(self, number: int, *, name: str = "r", alarms_of_4: int = 1) -> None:
        """Send reports, a fifth of them twice, in any order; return when each is acknowledged."""
        rng = random.Random(f"{self.seed} {name}")  # noqa: S311 - a test has to be repeatable, not secret
        alarm_count = number * alarms_of_4 // 4
        tickets = with_repeats(rng, [build_ticket(rng, f"{name}{each}") for each in range(number - alarm_count)])
        alarms = with_repeats(rng, [build_alarm(rng, f"{name}{each}") for each in range(alarm_count)])
        async with self.installation.client("intake", "hotline") as client, asyncio.TaskGroup() as group:
            for _ in range(SENDER_COUNT):
                group.create_task(self._send_tickets(client, tickets, rng))
            group.create_task(self._send_alarms(alarms))

    async def send_reports_until(
        self, done: Callable[[], bool], *, name: str, batch_size: int = 40, alarms_of_4: int = 1
    ) -> None:
        """Send reports in batches until ``done``. A batch ends when its tickets and alarms are acknowledged."""
        for round_ in itertools.count():
            if done():
                return
            await self.send_reports(batch_size, name=f"{name}{round_}.", alarms_of_4=alarms_of_4)
            await asyncio.sleep(0.2)  # so that the services can keep up with reading

    async def _send_tickets(self, client: httpx.AsyncClient, waiting: list[dict[str, Any]], rng: random.Random) -> None:
        while waiting:
            size = rng.choice((1, 5, _MAX_BATCH))
            chosen, waiting[:] = waiting[:size], waiting[size:]
            unsent = await (self._send_one(client, chosen[0]) if size == 1 else self._send_lines(client, chosen))
            if unsent:
                # Whatever was not answered 202 is sent again with the same id.
                waiting += unsent
                await asyncio.sleep(0.1)

    async def _send_one(self, client: httpx.AsyncClient, ticket_body: dict[str, Any]) -> list[dict[str, Any]]:
        with suppress(httpx.HTTPError):
            answer = await client.post("/v1/tickets", json=ticket_body)
            if self._is_accepted(answer.status_code, answer.text):
                self.accepted_tickets[ticket_body["source_ref"]] = answer.json()["report_id"]
                return []
        return [ticket_body]

    async def _send_lines(self, client: httpx.AsyncClient, tickets: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lines = b"\n".join(json.dumps(each, ensure_ascii=False).encode() for each in tickets)
        with suppress(httpx.HTTPError):
            answer = await client.post("/v1/tickets/batch", content=lines)
            if answer.headers.get("content-type", "").startswith("application/x-ndjson"):
                results = [json.loads(line) for line in answer.text.splitlines()]
                return [
                    each for each, line in zip(tickets, results, strict=True) if not self._is_line_accepted(each, line)
                ]
            self._is_accepted(answer.status_code, answer.text)
        return tickets

    def _is_line_accepted(self, ticket_body: dict[str, Any], line: dict[str, Any]) -> bool:
        if self._is_accepted(line["status"], str(line)):
            self.accepted_tickets[ticket_body["source_ref"]] = line["report_id"]
            return True
        return False

    def _is_accepted(self, status: int, text: str) -> bool:
        if status == 202:
            return True
        assert status == 503, text
        self.unavailable_count += 1
        return False

    async def _send_alarms(self, alarms: Sequence[dict[str, Any]]) -> None:
        async with self._publisher() as publisher:
            for start in range(0, len(alarms), 50):
                chosen = alarms[start : start + 50]
                await _publish_until_acknowledged(
                    publisher, [_build_message(ALARMS.name, each["camera"], each) for each in chosen]
                )
                self.acknowledged_alarms |= {ids.report_id(each["source"], each["alarm_ref"]) for each in chosen}

    def _publisher(self) -> Publisher:
        return Publisher(self.installation.cluster, client_id="load")

    @asynccontextmanager
    async def responders(self) -> AsyncIterator[None]:
        """Run departments, an inspector and a caller who respond to orders and cases while the context is open."""
        async with (
            self._publisher() as publisher,
            self.installation.client("dispatch", "inspector") as inspector,
            self.installation.client("dispatch", "caller") as caller,
        ):
            tasks = [
                *(asyncio.create_task(self._answer_orders(publisher, each)) for each in DEPARTMENTS),
                asyncio.create_task(self._inspect_and_call(inspector, caller)),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                for ended in await asyncio.gather(*tasks, return_exceptions=True):
                    assert isinstance(ended, asyncio.CancelledError), ended

    async def _answer_orders(self, publisher: Publisher, department: str) -> None:
        """Answer a department's orders, each by its highest version."""
        highest: dict[str, int] = {}
        answers_topic = answers_topic_of(department).name

        async def handle(events: Sequence[dict[str, Any]]) -> None:
            messages, proofs = [], []
            for event in events:
                order = event.get("order")
                if order is None or order["version"] <= highest.get(order["order_id"], 0):
                    continue
                highest[order["order_id"]] = order["version"]
                if (
                    event["type"] in ("order.issued.v1", "order.changed.v1")
                    and bucket_of(order["case_id"]) < self.answered_percent
                ):
                    answers = list(build_answers(event["type"], order))
                    if any("proof" in each["action"] for each in answers):
                        proof = build_proof(department, order)
                        proofs.append(_build_message(INBOX.name, proof["area"], proof))
                    messages += [_build_message(answers_topic, order["case_id"], each) for each in answers]
            if messages:
                # As intake does, without the photos, whose decoding is not what is tested here.
                await _publish_until_acknowledged(publisher, proofs)
                await _publish_until_acknowledged(publisher, messages)
                self.answer_count += len(messages)

        await self._follow(orders_topic_of(department).name, handle)

    async def _inspect_and_call(self, inspector: httpx.AsyncClient, caller: httpx.AsyncClient) -> None:
        highest: dict[str, int] = {}

        async def handle(events: Sequence[dict[str, Any]]) -> None:
            fresh = [event for event in events if event["version"] > highest.get(event["case_id"], 0)]
            highest.update({event["case_id"]: event["version"] for event in fresh})
            await self._submit_actions(
                inspector, [_action_line(event, action) for event in fresh if (action := build_inspection(event))]
            )
            await self._submit_actions(
                caller, [_action_line(event, action) for event in fresh if (action := build_callback(event))]
            )

        await self._follow(CASES.name, handle)

    async def _submit_actions(self, client: httpx.AsyncClient, lines: Sequence[dict[str, Any]]) -> None:
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        while lines:
            with suppress(httpx.HTTPError):
                answer = await client.post("/v1/actions/batch", content=body)
                if answer.status_code == 202:
                    assert all("action_id" in json.loads(each) for each in answer.text.splitlines()), answer.text
                    self.action_count += len(lines)
                    return
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.1)

    async def _follow(self, topic: str, handle: Callable[[Sequence[dict[str, Any]]], Awaitable[None]]) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.installation.servers.kafka, enable_auto_commit=False)
        try:
            await consumer.start()
            number = find_topic(topic).partitions
            consumer.assign([TopicPartition(self.installation.prefix + topic, each) for each in range(number)])
            await consumer.seek_to_beginning()
            while True:
                with suppress(KafkaError):
                    for records in (await consumer.getmany(timeout_ms=100, max_records=200)).values():
                        await handle([json.loads(record.value) for record in records])
        finally:
            await consumer.stop()


def _action_line(event: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    action_id = f"{event['case_id']} {event['version']} {action['kind']}"
    return {"id": action_id, "case_id": event["case_id"], "action": action}


def _build_message(topic: str, key: str, body: dict[str, Any]) -> Message:
    return Message(topic, key, json.dumps(body, ensure_ascii=False).encode(), ())


async def _publish_until_acknowledged(publisher: Publisher, messages: Sequence[Message]) -> None:
    while True:
        try:
            return await publisher.send(messages, timeout_s=10.0)
        except Unacknowledged:
            await asyncio.sleep(0.1)
