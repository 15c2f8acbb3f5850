"""What reports say, from the ticket to the department: each word is where it belongs, and nowhere else."""

import json
import random
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from paidan_cockpit.pages.calls import REASON
from paidan_contracts.topics import CASES, INBOX, ORDERS_PREFIX, OUTCOMES, find_topic
from tests.cockpit.markup import assert_harmless
from tests.journeys.installation import CommandRunner
from tests.journeys.kept_data import places_of
from tests.journeys.strangers_case import NAME, PHONE, POSTS, looks_at, pages_of, report_something, work_on
from tests.polling import poll
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=60)

CITY: Final = "quancheng"
SERVICES: Final = ("intake", "dispatch")
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
OPENER: Final = {**BELONGS, "source_ref": BELONGS["source_ref"] | {"cases", "orders"}}
"""The source's own number of the report that opened a case stands on it, as the city's pack says."""
CONFIDENTIAL: Final = {**BELONGS, "text": frozenset({"vault"}), "address": frozenset({"vault"})}
"""The same of a confidential ticket, whose words and address stay in the vault, too."""


@dataclass(frozen=True)
class SentTicket:
    """A ticket with a word of its own in each field, and the report that it became."""

    words: dict[str, str]
    body: dict[str, Any]
    opens: bool
    """It opens the case of all."""

    @property
    def belongs(self) -> Mapping[str, frozenset[str]]:
        """Where each field is found again."""
        if self.opens:
            return OPENER
        return CONFIDENTIAL if self.body["confidential"] else BELONGS


def _word() -> str:
    return "".join(RANDOM.choices(string.ascii_lowercase, k=14))


def _tickets() -> Iterator[SentTicket]:
    """Yield tickets about one thing, where no other journey has a case: the first opens one, the others join it."""
    for number, is_confidential in enumerate((False, False, True, False)):
        words = {field: _word() for field in BELONGS} | {"phone": f"139{RANDOM.randrange(10**8):08d}"}
        body = {
            "source_ref": words["source_ref"],
            "matter": "投诉",
            "category": "市容环境/暴露生活垃圾",
            "text": f"垃圾 {words['text']}，{words['name']}，电话{words['phone']}",
            "address": f"路口 {words['address']}",
            "wants_callback": True,
            "confidential": is_confidential,
            "position": {"x": 117.0257 + number * 1e-5, "y": 36.6652, "crs": "gcj02"},
            "reporter": {"name": words["name"], "phone": words["phone"], "address": words["home"]},
        }
        yield SentTicket(words, body, opens=number == 0)


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
    intake, dispatch = (next(each["url"] for each in services if each["name"] == name) for name in SERVICES)
    hotline = _key(installation, "source:hotline-12345")
    operator, officer = _key(installation, "role:operator"), _key(installation, "role:privacy_officer")
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
                f"{intake}/v1/reports/{report_id}/export", json={"reason": "本人申请查阅其个人信息"}, headers=officer
            )
            places["vault"] = revealed.text
            for field, word in ticket.words.items():
                assert {name for name, content in places.items() if word in content} == ticket.belongs[field], field
    newest = [each for each in places["orders"].splitlines() if case_id in each][-1]
    assert [ticket.words["text"] in newest for ticket in sent] == [True, True, False, True], "it has the words of all"
    assert '"confidential":true' in newest


async def test_praise_is_noted_and_its_source_reads_the_reply(installation: CommandRunner) -> None:
    """It is no case, is counted as noted, and what staff reply reaches the hotline."""
    services = json.loads(installation.run("status", "--json").stdout)["services"]
    intake, dispatch = (next(each["url"] for each in services if each["name"] == name) for name in SERVICES)
    hotline, operator = _key(installation, "source:hotline-12345"), _key(installation, "role:operator")
    body = {"source_ref": _word(), "matter": "感谢", "category": "市容环境/暴露生活垃圾", "text": "谢谢，清理得很快"}

    async with httpx.AsyncClient(timeout=30) as client:
        report_id = (await client.post(f"{intake}/v1/tickets", json=body, headers=hotline)).json()["report_id"]

        async def stands(answer: str | None) -> dict[str, Any]:
            found = (await client.get(f"{intake}/v1/reports/{report_id}", headers=hotline)).json()
            return found if (found["stands"], found.get("answer")) == ("noted", answer) else {}

        noted = await poll(lambda: stands(None), within_s=60, what="the report is noted")
        reply = await client.post(
            f"{dispatch}/v1/noted/{report_id}/reply",
            json={"text": "已转达，谢谢您"},
            headers=operator | {"Idempotency-Key": report_id},
        )
        answered = await poll(lambda: stands("已转达，谢谢您"), within_s=60, what="the reply")

    assert (noted["reason"], reply.status_code, "case_id" in answered) == ("praise", 202, False)
    assert " 1 noted" in installation.run("verify").stdout


def _key(installation: CommandRunner, scope: str) -> dict[str, str]:
    printed = installation.run("keys", "add", "--name", "words", "--city", CITY, scope).stdout
    return {"authorization": f"Bearer {printed.split()[-1]}"}


async def test_a_person_is_seen_once_and_nowhere_else_and_no_text_becomes_a_script(installation: CommandRunner) -> None:
    handled = await report_something(installation)
    await work_on(handled)
    call = f"/callbacks/{handled.case_id}/{handled.report_id}"

    async with handled.person("caller") as caller:
        page = await poll(lambda: _page(caller, call), what="the page of the call")
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        assert csrf
        shown = await caller.post(f"{call}/contact", data={"csrf": csrf[1]})
    pages = [page for post in POSTS for page in await pages_of(handled, post, call)]
    looks = await looks_at(handled)

    assert (NAME in shown.text, PHONE in shown.text) == (True, True)
    assert_harmless(shown.text)
    assert shown.headers["cache-control"] == "no-store"
    assert {"/overview", "/queues", "/queues.csv", call, f"/cases/{handled.case_id}", "/system"} <= {
        page.url.path for page in pages
    }
    for each in pages:
        assert NAME not in each.text, each.url
        assert PHONE not in each.text, each.url
        if each.headers["content-type"].startswith("text/html"):
            assert_harmless(each.text)
    [look] = looks
    assert (look["actor"], look["detail"]) == ("caller", REASON)
    assert re.fullmatch(r"person_[0-9a-f-]{36}", look["key_id"])
    assert await places_of(handled.installation, NAME, PHONE) == []


async def _page(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    return answer.text if answer.is_success else ""
