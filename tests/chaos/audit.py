"""Audits an installation from its topics: what was acknowledged, each outcome, order, history row and score."""

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
from paidan_contracts.topics import ALARMS, CASES, DEAD_LETTERS, INBOX, OUTCOMES, orders_topic_of
from tests.chaos.installation import ChaosInstallation
from tests.chaos.load import DEPARTMENTS, Load
from tests.scoring import database_fixture, oracle

ZONE: Final = "Asia/Shanghai"
OPEN_STATUSES: Final = ("dispatched", "handling", "inspecting")
EventBody = dict[str, Any]


@dataclass(frozen=True)
class TopicLogs:
    """Every topic, read once from its first record to its last."""

    records: Mapping[str, Sequence[Any]]

    def bodies(self, topic: str) -> list[EventBody]:
        return self._bodies[topic]

    @cached_property
    def _bodies(self) -> dict[str, list[EventBody]]:
        return {topic: [json.loads(record.value) for record in records] for topic, records in self.records.items()}

    @cached_property
    def latest_states(self) -> list[CaseState]:
        """Each case's state at its highest version."""
        by_version = sorted(self.bodies(CASES.name), key=lambda each: int(each["version"]))
        return [
            CaseState.model_validate(each["state"]) for each in {each["case_id"]: each for each in by_version}.values()
        ]


async def read_logs(installation: ChaosInstallation) -> TopicLogs:
    """Read every topic that the audit compares."""
    topics = [topic.name for topic in (ALARMS, INBOX, CASES, OUTCOMES, DEAD_LETTERS)]
    return TopicLogs(
        {
            topic: await installation.read_topic(topic)
            for topic in [*topics, *(orders_topic_of(each).name for each in DEPARTMENTS)]
        }
    )


async def audit_installation(
    installation: ChaosInstallation, load: Load, *, allowed_failures: Collection[str] = ()
) -> TopicLogs:
    """Run every check and return the logs; ``allowed_failures`` names claims of `paidan verify` that may fail."""
    logs = await read_logs(installation)
    check_acknowledged(logs, load)
    check_single_outcomes(logs)
    check_versions(logs)
    check_sequence_numbers(logs)
    check_orders(logs)
    await check_history(installation, logs)
    await check_scores(installation, logs)
    failed = [
        claim
        for claim in (await installation.run_verification()).claims
        if not claim.holds and claim.name not in allowed_failures
    ]
    assert not failed
    return logs


def check_acknowledged(logs: TopicLogs, load: Load) -> None:
    """Check that every ticket answered 2xx is in the inbox and every acknowledged alarm has an outcome."""
    in_inbox = {each["report_id"] for each in _reports(logs)}
    assert set(load.accepted_tickets.values()) <= in_inbox, (
        f"acknowledged and lost: {set(load.accepted_tickets.values()) - in_inbox}"
    )
    assert load.acknowledged_alarms <= _results_by_id(logs).keys()


def check_single_outcomes(logs: TopicLogs) -> None:
    """Check that every report and action has exactly one outcome."""
    results_by_id = _results_by_id(logs)
    ambiguous = {name: results for name, results in results_by_id.items() if len(results) > 1}
    assert not ambiguous, f"more than one outcome: {ambiguous}"
    actions = {each["action_id"] for each in logs.bodies(INBOX.name) if each["type"] == "action.requested.v1"}
    missing = ({each["report_id"] for each in _reports(logs)} | actions) - results_by_id.keys()
    assert not missing, f"no outcome: {missing}"


def check_versions(logs: TopicLogs) -> None:
    """Check that each version of a case has one content and first appears in version order."""
    values: dict[tuple[str, int], bytes] = {}
    highest: Counter[str] = Counter()
    for record in logs.records[CASES.name]:
        body = json.loads(record.value)
        case_id, version = body["case_id"], body["version"]
        assert values.setdefault((case_id, version), record.value) == record.value, (
            f"{case_id} {version} has two contents"
        )
        assert version <= highest[case_id] + 1, f"{case_id} has {version} after {highest[case_id]}"
        highest[case_id] = max(highest[case_id], version)


def check_sequence_numbers(logs: TopicLogs) -> None:
    """Check that the relay's sequence numbers have no gap and that no number has two contents."""
    first: dict[tuple[str, int], tuple[str, bytes]] = {}
    last_numbers: Counter[tuple[str, str, int]] = Counter()
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for topic, records in logs.records.items():
        for record in records:
            headers = dict(record.headers)
            if "ce_origin" not in headers:
                continue
            origin, number = headers["ce_origin"].decode(), int(headers["ce_sequence"])
            before = first.setdefault((origin, number), (topic, record.value))
            assert before == (topic, record.value), f"{origin} {number} has two contents"
            origin_partition = (origin, topic, record.partition)
            if number > last_numbers[origin_partition]:
                assert int(headers["ce_previous"]) == last_numbers[origin_partition], (
                    f"a gap before {origin} {number} on {topic}"
                )
                last_numbers[origin_partition] = number
            numbers[origin].add(number)
    gaps = {origin: set(range(1, max(seen) + 1)) - seen for origin, seen in numbers.items()}
    assert not any(gaps.values()), f"never published: {gaps}"


def check_orders(logs: TopicLogs) -> None:
    """Check that the highest version of each order leaves open exactly what waits for a department."""
    latest_orders: dict[str, EventBody] = {}
    for department in DEPARTMENTS:
        for each in logs.bodies(orders_topic_of(department).name):
            if "order" in each:
                assert each["order"]["department"] == department
                order_id, version = each["order"]["order_id"], each["order"]["version"]
                if order_id not in latest_orders or latest_orders[order_id]["order"]["version"] < version:
                    latest_orders[order_id] = each
    open_orders = {name for name, each in latest_orders.items() if each["type"] != "order.withdrawn.v1"}
    expected = {state.assignments[-1].order_id for state in logs.latest_states if state.status in OPEN_STATUSES} | {
        helper.order_id
        for state in logs.latest_states
        if state.status in (*OPEN_STATUSES, "filed")  # they go on helping while another lead is looked for
        for helper in state.helpers
        if helper.returned_at is None and helper.withdrawn_at is None
    }
    assert open_orders == expected, (
        f"orders without cases {open_orders - expected}, cases without orders {expected - open_orders}"
    )


async def check_history(installation: ChaosInstallation, logs: TopicLogs) -> None:
    """Check that history holds the published bytes and that its hash chain is intact."""
    published = {(each["case_id"], each["version"]): record.value for each, record in _with_records(logs, CASES.name)}
    async with installation.conn() as conn:
        rows = await conn.fetch("SELECT case_id, version, event, chain FROM history ORDER BY case_id, version")
    assert {(row["case_id"], row["version"]): row["event"] for row in rows} == published
    chains: defaultdict[str, bytes] = defaultdict(lambda: bytes(32))
    for row in rows:
        chains[row["case_id"]] = sha256(chains[row["case_id"]] + row["event"]).digest()
        assert chains[row["case_id"]] == row["chain"]


async def check_scores(installation: ChaosInstallation, logs: TopicLogs) -> None:
    """Check facts and tallies against a separate computation from the cases' topic, sharing no code with scoring."""
    expected = sorted(oracle.expected_facts(logs.latest_states, ZONE))
    async with database.open_pool(SecretStr(installation.dsn), schema="scoring", size=2) as pool:
        assert await database_fixture.read_facts(pool) == expected
        assert await database_fixture.read_tallies(pool) == oracle.expected_tallies(expected)


def _reports(logs: TopicLogs) -> Iterable[EventBody]:
    return (each for each in logs.bodies(INBOX.name) if each["type"] == "report.received.v1")


def _results_by_id(logs: TopicLogs) -> dict[str, set[str]]:
    results: defaultdict[str, set[str]] = defaultdict(set)
    for each in logs.bodies(OUTCOMES.name):
        results[each["id"]].add(each["result"])
    return dict(results)


def _with_records(logs: TopicLogs, topic: str) -> Iterable[tuple[EventBody, Any]]:
    return zip(logs.bodies(topic), logs.records[topic], strict=True)
