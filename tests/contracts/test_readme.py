"""The README's examples work as they are written."""

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer
from pydantic import TypeAdapter

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.actions import Answer
from tests.servers import ServerAddresses

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
CASE: Final = "tiny-" + "0" * 32

EDGES: Final = (
    "services/chassis/paidan_chassis/edge",
    "services/intake/paidan_intake",
    "services/dispatch/paidan_dispatch/actions",
    "services/dispatch/paidan_dispatch/api",
)
CODE: Final = re.compile(r'(?:Problem\(\s*[^,"]+,|RefusedTicket\(|InvalidPhoto\()\s*"([a-z_]+)"')


def code_blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def recorded(type_: str) -> dict[str, Any]:
    """Return the recorded example of a message to a department."""
    found: dict[str, Any] = json.loads((ROOT / f"contracts/examples/{type_}/recorded.json").read_text())["value"]
    return found


def order_event(type_: str, order: str, version: int) -> bytes:
    event = recorded(type_)
    event["order"] |= {"order_id": order, "version": version, "case_id": CASE, "round": 1}
    return json.dumps(event).encode()


@pytest.mark.parametrize(("block", "accepted"), [(0, "{}:1:accept"), (1, "{}:accept")], ids=["typed", "stock"])
async def test_documented_client_answers_each_order_once(servers: ServerAddresses, block: int, accepted: str) -> None:
    """Messages may repeat and come out of order: the client keeps the highest version of each order."""
    code = code_blocks("python")[block]
    written: dict[str, Any] = {}
    exec(code.replace("asyncio.run(work())", ""), written)  # noqa: S102 - the README's code
    us = f"readme-{uuid.uuid4().hex[:8]}"
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    orders, answers_to = f"paidan.orders.{us}", f"paidan.answers.{us}"
    bodies = (
        order_event("order.issued.v1", first, 2),
        json.dumps(recorded("answer.refused.v1")).encode(),
        order_event("order.issued.v1", first, 2),
        order_event("order.issued.v1", first, 1),
        order_event("order.changed.v1", first, 3),
        order_event("order.issued.v1", second, 1),
    )
    async with Publisher(KafkaCluster(servers.kafka), client_id="readme") as dispatch:
        await dispatch.topic_admin.ensure([orders, answers_to])
        await dispatch.send([Message(orders, CASE, body, ()) for body in bodies])

    working = asyncio.create_task(written["work"](us, servers.kafka))
    received: list[tuple[bytes | None, Answer]] = []
    async with AIOKafkaConsumer(answers_to, bootstrap_servers=servers.kafka, auto_offset_reset="earliest") as answers:
        while len(received) < 2:
            record = await asyncio.wait_for(answers.getone(), 30)
            received.append((record.key, TypeAdapter(Answer).validate_json(record.value)))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    assert [(key, answer.id) for key, answer in received] == [
        (CASE.encode(), accepted.format(first)),
        (CASE.encode(), accepted.format(second)),
    ]


async def test_an_order_whose_answer_was_lost_in_a_crash_is_answered_after_it(servers: ServerAddresses) -> None:
    """What a client has read counts as done once its answer is stored, not before."""
    code = code_blocks("python")[1]
    written: dict[str, Any] = {}
    exec(code.replace("asyncio.run(work())", ""), written)  # noqa: S102 - the README's code
    us, order = f"readme-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    orders, answers_to = f"paidan.orders.{us}", f"paidan.answers.{us}"
    async with Publisher(KafkaCluster(servers.kafka), client_id="readme") as dispatch:
        await dispatch.topic_admin.ensure([orders, answers_to])
        await dispatch.send([Message(orders, CASE, order_event("order.issued.v1", order, 1), ())])
    producer = written["AIOKafkaProducer"]

    class Crashes(producer):  # type: ignore[misc,valid-type] # the one that the example imports
        async def send_and_wait(self, *_arguments: object, **_options: object) -> None:
            raise ConnectionResetError

    written["AIOKafkaProducer"] = Crashes
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(written["work"](us, servers.kafka), 30)
    written["AIOKafkaProducer"] = producer

    working = asyncio.create_task(written["work"](us, servers.kafka))
    async with AIOKafkaConsumer(answers_to, bootstrap_servers=servers.kafka, auto_offset_reset="earliest") as answers:
        record = await asyncio.wait_for(answers.getone(), 30)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    assert TypeAdapter(Answer).validate_json(record.value).id == f"{order}:accept"


def test_every_error_code_is_documented() -> None:
    """Clients branch on the code, so each must be documented."""
    sources = [file for edge in EDGES for file in (ROOT / edge).rglob("*.py")]
    codes = {code for file in sources for code in CODE.findall(file.read_text(encoding="utf-8"))}
    listed = set(re.findall(r"`([a-z_]+)`", README.read_text(encoding="utf-8")))

    assert codes >= {"id_reused", "unknown_city", "photo_unreadable", "unavailable", "screened_source"}
    assert codes - listed == set()
