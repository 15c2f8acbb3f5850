"""Holds what came out against what went in, from the logs alone wherever a log says it; believes no service."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from pydantic import SecretStr

from paidan_chassis import database
from paidan_contracts.state import CaseState
from paidan_contracts.topics import ALARMS, CASES, DEAD_LETTERS, INBOX, OUTCOMES, orders_of
from tests.chaos.installation import Works
from tests.chaos.load import OFFICES, Crowd
from tests.scoring import database_fixture, oracle

ZONE: Final = "Asia/Shanghai"
OPEN: Final = ("dispatched", "handling", "inspecting")
Body = dict[str, Any]


@dataclass(frozen=True)
class Logs:
    """Every topic, read once from its first record to its last."""

    records: Mapping[str, Sequence[Any]]

    def bodies(self, topic: str) -> list[Body]:
        return self._bodies[topic]

    @cached_property
    def _bodies(self) -> dict[str, list[Body]]:
        return {topic: [json.loads(record.value) for record in records] for topic, records in self.records.items()}

    @cached_property
    def newest(self) -> list[CaseState]:
        """What each case came to."""
        by_version = sorted(self.bodies(CASES.name), key=lambda each: int(each["version"]))
        return [
            CaseState.model_validate(each["state"]) for each in {each["case_id"]: each for each in by_version}.values()
        ]


async def logs_of(works: Works) -> Logs:
    """Read all that was said."""
    topics = [topic.name for topic in (ALARMS, INBOX, CASES, OUTCOMES, DEAD_LETTERS)]
    return Logs({topic: await works.read(topic) for topic in [*topics, *(orders_of(each).name for each in OFFICES)]})


async def audit(works: Works, crowd: Crowd, *, forgiven: Collection[str] = ()) -> Logs:
    """Check everything that a reader may rely on, once all is quiet; some claims of `paidan verify` may fail."""
    logs = await logs_of(works)
    check_promises(logs, crowd)
    check_outcomes(logs)
    check_versions(logs)
    check_numbers(logs)
    check_orders(logs)
    await check_history(works, logs)
    await check_scores(works, logs)
    broken = [claim for claim in (await works.verified()).claims if not claim.holds and claim.name not in forgiven]
    assert not broken
    return logs


def check_promises(logs: Logs, crowd: Crowd) -> None:
    """What was answered 2xx, or acknowledged by Kafka, is there."""
    in_inbox = {each["report_id"] for each in _reports(logs)}
    assert set(crowd.taken.values()) <= in_inbox, f"promised and not there: {set(crowd.taken.values()) - in_inbox}"
    assert crowd.alarmed <= _ended(logs).keys()


def check_outcomes(logs: Logs) -> None:
    """Every report and every action came to exactly one end."""
    ended = _ended(logs)
    torn = {name: found for name, found in ended.items() if len(found) > 1}
    assert not torn, f"more than one end: {torn}"
    actions = {each["action_id"] for each in logs.bodies(INBOX.name) if each["type"] == "action.requested.v1"}
    missing = ({each["report_id"] for each in _reports(logs)} | actions) - ended.keys()
    assert not missing, f"no end: {missing}"


def check_versions(logs: Logs) -> None:
    """Each version of a case says one thing ever, and came first in its turn."""
    said: dict[tuple[str, int], bytes] = {}
    highest: Counter[str] = Counter()
    for record in logs.records[CASES.name]:
        body = json.loads(record.value)
        case_id, version = body["case_id"], body["version"]
        assert said.setdefault((case_id, version), record.value) == record.value, f"{case_id} {version} says two things"
        assert version <= highest[case_id] + 1, f"{case_id} has {version} after {highest[case_id]}"
        highest[case_id] = max(highest[case_id], version)


def check_numbers(logs: Logs) -> None:
    """Whoever watches the numbers of the relay sees no gap, and no number that says two things."""
    first: dict[tuple[str, int], tuple[str, bytes]] = {}
    newest: Counter[tuple[str, str, int]] = Counter()
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for topic, records in logs.records.items():
        for record in records:
            headers = dict(record.headers)
            if "ce_origin" not in headers:
                continue
            origin, number = headers["ce_origin"].decode(), int(headers["ce_sequence"])
            before = first.setdefault((origin, number), (topic, record.value))
            assert before == (topic, record.value), f"{origin} {number} says two things"
            place = (origin, topic, record.partition)
            if number > newest[place]:
                assert int(headers["ce_previous"]) == newest[place], f"a gap before {origin} {number} on {topic}"
                newest[place] = number
            numbers[origin].add(number)
    gaps = {origin: set(range(1, max(seen) + 1)) - seen for origin, seen in numbers.items()}
    assert not any(gaps.values()), f"never said: {gaps}"


def check_orders(logs: Logs) -> None:
    """Departments that keep the highest version of each order hold exactly the cases that wait for them."""
    held: dict[str, Body] = {}
    for department in OFFICES:
        for each in logs.bodies(orders_of(department).name):
            if "order" in each:
                assert each["order"]["department"] == department
                order_id, version = each["order"]["order_id"], each["order"]["version"]
                if order_id not in held or held[order_id]["order"]["version"] < version:
                    held[order_id] = each
    told = {name for name, each in held.items() if each["type"] != "order.withdrawn.v1"}
    waiting = {
        state.assignments[-1].order_id for state in logs.newest if state.status in OPEN
    }  # fmt: skip
    assert told == waiting, f"orders without cases {told - waiting}, cases without orders {waiting - told}"


async def check_history(works: Works, logs: Logs) -> None:
    """History holds the bytes that were published, and its chain fits."""
    published = {(each["case_id"], each["version"]): record.value for each, record in _with_records(logs, CASES.name)}
    async with works.conn() as conn:
        rows = await conn.fetch("SELECT case_id, version, event, chain FROM history ORDER BY case_id, version")
    assert {(row["case_id"], row["version"]): row["event"] for row in rows} == published
    chains: defaultdict[str, bytes] = defaultdict(lambda: bytes(32))
    for row in rows:
        chains[row["case_id"]] = sha256(chains[row["case_id"]] + row["event"]).digest()
        assert chains[row["case_id"]] == row["chain"]


async def check_scores(works: Works, logs: Logs) -> None:
    """Facts and tallies are what a fold over the cases' log gives that shares nothing with scoring's."""
    expected = sorted(oracle.lines(logs.newest, ZONE))
    async with database.open_pool(SecretStr(works.dsn), schema="scoring", size=2) as pool:
        assert await database_fixture.facts(pool) == expected
        assert await database_fixture.tallies(pool) == oracle.tallied(expected)


def _reports(logs: Logs) -> Iterable[Body]:
    return (each for each in logs.bodies(INBOX.name) if each["type"] == "report.received.v1")


def _ended(logs: Logs) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for each in logs.bodies(OUTCOMES.name):
        found[each["id"]].add(each["result"])
    return dict(found)


def _with_records(logs: Logs, topic: str) -> Iterable[tuple[Body, Any]]:
    return zip(logs.bodies(topic), logs.records[topic], strict=True)
