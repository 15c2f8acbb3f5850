"""The city's people as clients of the public doors: they report, answer, inspect and call back, and never give up."""

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

from paidan_chassis.consumer.errors import Unacknowledged
from paidan_chassis.consumer.records import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts import ids
from paidan_contracts.topics import ALARMS, CASES, answers_of, orders_of
from paidan_deploy.provisioning import database
from tests.chaos.installation import Works
from tests.chaos.payloads import (
    again,
    alarm,
    answers,
    call,
    inspection,
    share,
    ticket,
)

OFFICES: Final = ("streets", "lamps")
SENDERS: Final = 4
_LARGEST_BATCH: Final = 60


@dataclass(slots=True)
class Crowd:
    """Who sends, what they have sent, and what they were promised."""

    works: Works
    seed: int
    answered: int = 100
    """Of a hundred orders, so many are answered."""
    taken: dict[str, str] = field(default_factory=dict)
    """Tickets that were answered 2xx: the sender's id, and the report's."""
    alarmed: set[str] = field(default_factory=set)
    """Reports that the alarms would be, once Kafka has acknowledged them."""
    replied: int = 0
    inspected: int = 0
    turned_away: int = 0

    @property
    def delivered(self) -> int:
        return len(self.taken) + len(self.alarmed)

    async def report(self, number: int, *, name: str = "r", alarms_of_4: int = 1) -> None:
        """Have so many reports sent, a fifth of them twice, in any order; return when each is acknowledged."""
        chance = random.Random(f"{self.seed} {name}")  # noqa: S311 - a test has to be repeatable, not secret
        alarmed = number * alarms_of_4 // 4
        tickets = again(chance, [ticket(chance, f"{name}{each}") for each in range(number - alarmed)])
        alarms = again(chance, [alarm(chance, f"{name}{each}") for each in range(alarmed)])
        async with self.works.client("intake", "hotline") as client, asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send_tickets(client, tickets, chance))
            group.create_task(self._raise(alarms))

    async def report_until(
        self, done: Callable[[], bool], *, name: str, at_once: int = 40, alarms_of_4: int = 1
    ) -> None:
        """Go on reporting until something is done. Tickets wait for the alarms that were raised beside them."""
        for round_ in itertools.count():
            if done():
                return
            await self.report(at_once, name=f"{name}{round_}.", alarms_of_4=alarms_of_4)
            await asyncio.sleep(0.2)  # a stream, not a flood: what comes of it has to be read, too

    async def _send_tickets(
        self, client: httpx.AsyncClient, waiting: list[dict[str, Any]], chance: random.Random
    ) -> None:
        while waiting:
            size = chance.choice((1, 5, _LARGEST_BATCH))
            chosen, waiting[:] = waiting[:size], waiting[size:]
            left = await (self._send_one(client, chosen[0]) if size == 1 else self._send_lines(client, chosen))
            if left:
                # Whoever was not told 202 sends again, with the same id.
                waiting += left
                await asyncio.sleep(0.1)

    async def _send_one(self, client: httpx.AsyncClient, said: dict[str, Any]) -> list[dict[str, Any]]:
        with suppress(httpx.HTTPError):
            answer = await client.post("/v1/tickets", json=said)
            if self._is_taken(answer.status_code, answer.text):
                self.taken[said["source_ref"]] = answer.json()["report_id"]
                return []
        return [said]

    async def _send_lines(self, client: httpx.AsyncClient, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lines = b"\n".join(json.dumps(each, ensure_ascii=False).encode() for each in said)
        with suppress(httpx.HTTPError):
            answer = await client.post("/v1/tickets/batch", content=lines)
            if answer.headers.get("content-type", "").startswith("application/x-ndjson"):
                told = [json.loads(line) for line in answer.text.splitlines()]
                return [each for each, line in zip(said, told, strict=True) if not self._is_line_taken(each, line)]
            self._is_taken(answer.status_code, answer.text)
        return said

    def _is_line_taken(self, said: dict[str, Any], line: dict[str, Any]) -> bool:
        if self._is_taken(line["status"], str(line)):
            self.taken[said["source_ref"]] = line["report_id"]
            return True
        return False

    def _is_taken(self, status: int, text: str) -> bool:
        if status == 202:
            return True
        assert status == 503, text
        self.turned_away += 1
        return False

    async def _raise(self, alarms: Sequence[dict[str, Any]]) -> None:
        async with self._publisher() as publisher:
            for start in range(0, len(alarms), 50):
                chosen = alarms[start : start + 50]
                await _until_sent(publisher, [_message(ALARMS.name, each["camera"], each) for each in chosen])
                self.alarmed |= {ids.report_id(each["source"], each["alarm_ref"]) for each in chosen}

    def _publisher(self) -> Publisher:
        return Publisher(self.works.cluster, client_id="crowd")

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Have departments answer, inspectors inspect and callers call while the context is open."""
        async with (
            self._publisher() as publisher,
            self.works.client("dispatch", "inspector") as inspector,
            self.works.client("dispatch", "caller") as caller,
        ):
            working = [
                *(asyncio.create_task(self._office(publisher, each)) for each in OFFICES),
                asyncio.create_task(self._visits(inspector, caller)),
            ]
            try:
                yield
            finally:
                for task in working:
                    task.cancel()
                for ended in await asyncio.gather(*working, return_exceptions=True):
                    assert isinstance(ended, asyncio.CancelledError), ended

    async def _office(self, publisher: Publisher, department: str) -> None:
        """Answer on our own topic what comes on our own topic, and keep the highest version of each order."""
        highest: dict[str, int] = {}
        ours = answers_of(department).name

        async def hear(heard: Sequence[dict[str, Any]]) -> None:
            said_back = []
            for said in heard:
                order = said.get("order")
                if order is None or order["version"] <= highest.get(order["order_id"], 0):
                    continue
                highest[order["order_id"]] = order["version"]
                if said["type"] in ("order.issued.v1", "order.changed.v1") and share(order["case_id"]) < self.answered:
                    said_back += [_message(ours, order["case_id"], each) for each in answers(said["type"], order)]
            if said_back:
                await _until_sent(publisher, said_back)
                self.replied += len(said_back)

        await self._follow(orders_of(department).name, hear)

    async def _visits(self, inspector: httpx.AsyncClient, caller: httpx.AsyncClient) -> None:
        highest: dict[str, int] = {}

        async def hear(heard: Sequence[dict[str, Any]]) -> None:
            fresh = [said for said in heard if said["version"] > highest.get(said["case_id"], 0)]
            highest.update({said["case_id"]: said["version"] for said in fresh})
            await self._act(inspector, [_line(said, found) for said in fresh if (found := inspection(said))])
            await self._act(caller, [_line(said, found) for said in fresh if (found := call(said))])

        await self._follow(CASES.name, hear)

    async def _act(self, client: httpx.AsyncClient, lines: Sequence[dict[str, Any]]) -> None:
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        while lines:
            with suppress(httpx.HTTPError):
                answer = await client.post("/v1/actions/batch", content=body)
                if answer.status_code == 202:
                    assert all("action_id" in json.loads(each) for each in answer.text.splitlines()), answer.text
                    self.inspected += len(lines)
                    return
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.1)

    async def _follow(self, topic: str, hear: Callable[[Sequence[dict[str, Any]]], Awaitable[None]]) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.works.kafka.address, enable_auto_commit=False)
        try:
            await consumer.start()
            number = database.shape(topic).partitions
            consumer.assign([TopicPartition(self.works.prefix + topic, each) for each in range(number)])
            await consumer.seek_to_beginning()
            while True:
                with suppress(KafkaError):
                    for records in (await consumer.getmany(timeout_ms=100, max_records=200)).values():
                        await hear([json.loads(record.value) for record in records])
        finally:
            await consumer.stop()


def _line(said: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    own = f"{said['case_id']} {said['version']} {action['kind']}"
    return {"id": own, "case_id": said["case_id"], "action": action}


def _message(topic: str, key: str, body: dict[str, Any]) -> Message:
    return Message(topic, key, json.dumps(body, ensure_ascii=False).encode(), ())


async def _until_sent(publisher: Publisher, messages: Sequence[Message]) -> None:
    while True:
        try:
            return await publisher.send(messages, within_s=10.0)
        except Unacknowledged:
            await asyncio.sleep(0.1)
