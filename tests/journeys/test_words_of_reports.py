"""What reports say, from the ticket to the department: each word is where it belongs, and nowhere else."""

import json
import random
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from paidan_contracts.topics import CASES, INBOX, ORDERS_PREFIX, OUTCOMES, find_topic
from tests.journeys.installation import CommandRunner
from tests.polling import poll
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=20)

CITY: Final = "quancheng"
RANDOM: Final = random.Random(8)  # noqa: S311 - a test has to be repeatable, not secret
PUBLIC: Final = frozenset({"inbox", "cases", "orders", "reports"})
BELONGS: Final[Mapping[str, frozenset[str]]] = {
    "text": PUBLIC | {"vault"},
    "address": PUBLIC | {"vault"},
    "source_ref": frozenset({"inbox", "status"}),
    "name": frozenset({"vault"}),
    "phone": frozenset({"vault"}),
    "home": frozenset({"vault"}),
}
"""Where each field of a ticket is found again; the reporter's own in the vault alone."""


@dataclass(frozen=True)
class SentTicket:
    """A ticket with a word of its own in each field, and the report that it became."""

    words: dict[str, str]
    body: dict[str, Any]


def _word() -> str:
    return "".join(RANDOM.choices(string.ascii_lowercase, k=14))


def _tickets() -> Iterator[SentTicket]:
    """Yield tickets about one thing: the first opens its case, the others are merged into it."""
    for number in range(4):
        words = {field: _word() for field in BELONGS} | {"phone": f"139{RANDOM.randrange(10**8):08d}"}
        body = {
            "source_ref": words["source_ref"],
            "matter": "投诉",
            "category": "市容环境/暴露生活垃圾",
            "text": f"垃圾 {words['text']}，{words['name']}，电话{words['phone']}",
            "address": f"路口 {words['address']}",
            "wants_callback": True,
            "position": {"x": 117.0207 + number * 1e-5, "y": 36.6702, "crs": "gcj02"},
            "reporter": {"name": words["name"], "phone": words["phone"], "address": words["home"]},
        }
        yield SentTicket(words, body)


async def _read_all(kafka: str, prefix: str) -> dict[str, str]:
    """Return everything that stands on the topics, by the kind of topic."""
    found: dict[str, list[bytes]] = {"inbox": [], "cases": [], "orders": [], "outcomes": []}
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        for topic in await consumer.topics():
            name = topic.removeprefix(prefix)
            kind = _kind_of(name) if topic.startswith(prefix) else None
            if kind is None:
                continue
            partitions = [TopicPartition(topic, each) for each in range(find_topic(name).partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            while any([await consumer.position(each) < end for each, end in ends.items()]):
                for polled in (await consumer.getmany(timeout_ms=200)).values():
                    found[kind] += [bytes(record.value or b"") for record in polled]
        return {kind: b"\n".join(values).decode() for kind, values in found.items()}
    finally:
        await consumer.stop()


def _kind_of(topic: str) -> str | None:
    kinds = {INBOX.name: "inbox", CASES.name: "cases", OUTCOMES.name: "outcomes"}
    return "orders" if topic.startswith(ORDERS_PREFIX) else kinds.get(topic)


async def test_each_word_of_a_report_is_where_it_belongs(installation: CommandRunner, servers: ServerAddresses) -> None:
    services = json.loads(installation.run("status", "--json").stdout)["services"]
    addresses = {each["name"]: each["url"] for each in services}
    hotline = _key(installation, "source:hotline-12345")
    operator = _key(installation, "role:operator")
    intake, dispatch = (addresses[each] for each in ("intake", "dispatch"))
    sent = list(_tickets())

    async with httpx.AsyncClient(timeout=30) as client:
        ids = []
        for ticket in sent:
            response = await client.post(f"{intake}/v1/tickets", json=ticket.body, headers=hotline)
            assert response.status_code == 202, response.text
            ids.append(response.json()["report_id"])

        async def statuses() -> list[dict[str, Any]]:
            found = [(await client.get(f"{intake}/v1/reports/{each}", headers=hotline)).json() for each in ids]
            return found if all(each.get("status") == "dispatched" for each in found) else []

        decided = await poll(statuses, within_s=60, what="every report is in a case")
        assert [each["stands"] for each in decided] == ["opened", "merged", "merged", "merged"]
        [case_id] = {each["case_id"] for each in decided}
        places = await _read_all(servers.kafka, installation.environment["PAIDAN_TOPIC_PREFIX"])
        reports = await client.get(f"{dispatch}/v1/cases/{case_id}/reports", headers=operator)
        places["reports"] = reports.text
        for number, (report_id, ticket) in enumerate(zip(ids, sent, strict=True)):
            places["status"] = json.dumps(decided[number])
            revealed = await client.post(
                f"{intake}/v1/reports/{report_id}/reporter", json={"reason": "回访"}, headers=operator
            )
            places["vault"] = revealed.text
            for field, word in ticket.words.items():
                assert {name for name, content in places.items() if word in content} == BELONGS[field], field
    newest = [each for each in places["orders"].splitlines() if case_id in each][-1]
    assert all(ticket.words["text"] in newest for ticket in sent), "the newest order has the words of all"


def _key(installation: CommandRunner, scope: str) -> dict[str, str]:
    printed = installation.run("keys", "add", "--name", "words", "--city", CITY, scope).stdout
    return {"authorization": f"Bearer {printed.split()[-1]}"}
