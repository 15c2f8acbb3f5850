"""Poison records and changed topics, on an installation run by the `paidan` command."""

import asyncio
import json
import os
import signal
import statistics
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.topic_admin import TopicAdmin
from paidan_contracts import ids
from paidan_contracts.reports import ReportReceived
from paidan_contracts.topics import ALARMS, CASES, INBOX, OUTCOMES, find_topic
from tests import servers as real
from tests.chaos.command_installation import POSITION, TIMEOUT_S, CommandInstallation, open_installation
from tests.contracts.city_packs import TINY, append_line, copy_pack
from tests.dispatch.inbox_entries import build_report
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=45)

ANSWERS: Final = "paidan.answers.streets"


@pytest.fixture(scope="module")
async def command_installation(servers: real.ServerAddresses, run_folder: Path) -> AsyncIterator[CommandInstallation]:
    """Start an installation."""
    async with open_installation(servers, run_folder) as opened:
        yield opened


def encode_report(report: ReportReceived, **changed: object) -> bytes:
    return json.dumps(report.model_dump(mode="json", exclude_none=True) | changed).encode()


REFUSED_RECORDS: Final = {
    INBOX.name: encode_report(build_report("poison"), text="NUL: \x00"),
    ANSWERS: json.dumps({"case_id": "tiny-" + "0" * 32, "action": {"kind": "void", "reason": "\x00"}}).encode(),
    ALARMS.name: json.dumps({"type": "alarm.raised.v1", "source": "\x00", "alarm_ref": "a"}).encode(),
    CASES.name: json.dumps({"type": "case.opened.v1", "case_id": "\x00"}).encode(),
}  # fmt: skip

POISON_RECORDS: Final[dict[str, tuple[bytes | None, bytes]]] = {
    "not JSON": (b"\xff{", b"x"),
    "large and not JSON": (b"[" * 1_000_000, b"x"),
    "wrong shape": (b"[1, 2]", b"x"),
    "null value": (None, b"x"),
    "header that is not UTF-8": (b"[]", b"\xff\xfe"),
    "unknown type": (b'{"type": "no.such.v1"}', b"x"),
}

CONSUMERS: Final = {INBOX.name: "dispatch", ANSWERS: "dispatch", ALARMS.name: "intake", CASES.name: "scoring"}


async def test_poison_record_becomes_a_dead_letter_and_its_neighbours_are_applied(
    command_installation: CommandInstallation,
) -> None:
    before = await command_installation.send_ticket("neighbour before")
    positions = {}
    for topic in CONSUMERS:
        kinds = {**POISON_RECORDS, "NUL": (REFUSED_RECORDS[topic], b"x")}
        for kind, (value, header) in kinds.items():
            positions[topic, kind] = await command_installation.append(topic, value, key="tiny.990101", header=header)
    after = await command_installation.send_ticket("neighbour after")

    letters = {
        each: await command_installation.await_dead_letter(CONSUMERS[each[0]], position)
        for each, position in positions.items()
    }

    assert (await command_installation.await_outcome(before))[0] == "opened"
    assert (await command_installation.await_outcome(after))[0] in ("opened", "merged")
    assert {letters[topic, "null value"]["reason"] for topic in CONSUMERS} <= {"null_value", "unreadable"}
    assert {letters[topic, "not JSON"]["reason"] for topic in CONSUMERS} == {"unreadable"}
    assert letters[INBOX.name, "NUL"]["detail"].startswith("text")
    assert letters[INBOX.name, "header that is not UTF-8"]["reason"] == "bad_header"
    assert all(letter["reason"] for letter in letters.values())
    durations = [
        letters[each]["buried_at"] - command_installation.appended[position] for each, position in positions.items()
    ]
    # The slowest depends on the machine's other load.
    assert statistics.median(durations) < timedelta(seconds=1), sorted(durations)


async def test_readable_but_forbidden_record_is_refused_with_a_reason(
    command_installation: CommandInstallation,
) -> None:
    streets_case = await command_installation.await_case(
        await command_installation.send_ticket("rubbish for the streets department")
    )
    nowhere, missing_case = build_report("nowhere", area="tiny.999999", text=""), "tiny.990101-" + "0" * 32
    await command_installation.append(INBOX.name, encode_report(nowhere), key="tiny.999999")
    accept = {"kind": "accept"}
    for department, case_id in (("streets", missing_case), ("lamps", streets_case)):
        answer = {"case_id": case_id, "id": "mine", "action": accept}
        await command_installation.append(f"paidan.answers.{department}", json.dumps(answer).encode(), key=case_id)
    async with command_installation.client("intake", "hotline", "source:hotline") as hotline:
        forged = await hotline.post("/v1/tickets", json={"source_ref": "x", "source": "photo", "position": POSITION})
        oversized = await hotline.post("/v1/tickets", json={"source_ref": "y", "text": "x" * 5_000_000})
    forged_alarm = {
        "type": "alarm.raised.v1", "source": "hotline", "alarm_ref": "z", "camera": "c", "category": "890",
        "occurred_at": "2026-03-02T12:00:00+08:00",
    }  # fmt: skip
    await command_installation.append(ALARMS.name, json.dumps(forged_alarm).encode(), key="c")

    assert await command_installation.await_outcome(nowhere.report_id) == ("refused", "unknown_area")
    assert await command_installation.await_outcome(ids.action_id("department:streets", "mine")) == (
        "refused",
        "unknown_case",
    )
    assert await command_installation.await_outcome(ids.action_id("department:lamps", "mine")) == (
        "refused",
        "not_your_order",
    )
    assert forged.status_code == 403, forged.text
    assert oversized.status_code == 413, oversized.text
    assert (
        await _outcome_of(command_installation, ids.unknown_origin_id(ids.report_id("hotline", "z")))
        == "unknown_source"
    )


async def _outcome_of(installation: CommandInstallation, name: str) -> str:
    """Wait until intake publishes an alarm's outcome, and return its code."""
    consumer = AIOKafkaConsumer(
        installation.prefix + OUTCOMES.name,
        bootstrap_servers=installation.paidan.environment["PAIDAN_KAFKA"],
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        async with asyncio.timeout(TIMEOUT_S):
            async for record in consumer:
                event = json.loads(record.value)
                if event["id"] == name:
                    return str(event["why"]["code"])
    finally:
        await consumer.stop()
    raise AssertionError


async def test_dead_letter_is_redriven_after_its_cause_is_fixed(
    command_installation: CommandInstallation, tmp_path: Path
) -> None:
    """A department answers before the pack that defines it is published; its answer is redriven afterwards."""
    case_id = await command_installation.await_case(await command_installation.send_ticket("for the sweepers"))
    answer = {"case_id": case_id, "id": "early", "action": {"kind": "accept"}}
    await _create_topic(command_installation, "paidan.answers.sweepers")
    position = await command_installation.append("paidan.answers.sweepers", json.dumps(answer).encode())
    letter = await command_installation.await_dead_letter("dispatch", position)
    assert letter["reason"] == "unknown_department"
    await command_installation.rows(INSERT_OLDER_LETTERS)
    [contentless] = await command_installation.rows(
        "SELECT letter_id FROM dispatch.dead_letter WHERE sealed IS NULL AND redriven_at IS NULL"
    )

    command_installation.paidan.run("city", "publish", str(_pack_with_sweepers(tmp_path)))
    result = command_installation.paidan.run("dead-letters", "show", str(letter["letter_id"]), "--value")
    both = str(contentless["letter_id"]), str(letter["letter_id"])
    redriven = command_installation.paidan.run("dead-letters", "redrive", *both, check=False)

    assert case_id in result.stdout
    assert redriven.returncode == 1
    assert f"{contentless['letter_id']} (paidan.answers.sweepers-0@1001) was stored before" in redriven.stdout
    assert "1 redriven" in redriven.stdout
    assert await command_installation.await_outcome(ids.action_id("department:sweepers", "early")) == (
        "refused",
        "not_your_order",
    )
    assert str(letter["letter_id"]) not in command_installation.paidan.run("dead-letters", "list").stdout


# More than `list` shows; all are redriven but one, whose content is not stored.
INSERT_OLDER_LETTERS: Final = """
    INSERT INTO dispatch.dead_letter
           (letter_id, consumer, topic, partition, log_offset, reason, detail, buried_at, redriven_at)
    SELECT gen_random_uuid(), 'dispatch-desk', 'paidan.answers.sweepers', 0, 1000 + older, 'unreadable', '',
           clock_timestamp() - interval '1 day', CASE WHEN older > 1 THEN clock_timestamp() END
      FROM generate_series(1, 1200) AS older
"""


def _pack_with_sweepers(folder: Path) -> Path:
    pack = folder / "tiny"
    if not pack.exists():
        copy_pack(TINY, folder)
        append_line(pack, "departments.csv", "sweepers,扫雪队,Sweepers,cleaning,,,kafka")
        (pack / "routing.toml").write_text(
            (pack / "routing.toml").read_text().replace('lead = "streets"', 'lead = "streets"\nhelpers = ["sweepers"]')
        )
    return pack


async def _create_topic(installation: CommandInstallation, topic: str) -> None:
    cluster = KafkaCluster(installation.paidan.environment["PAIDAN_KAFKA"], installation.prefix, topic_spec=find_topic)
    async with TopicAdmin(cluster, client_id="test") as topic_admin:
        await topic_admin.ensure([topic])


HALTS: Final = {
    "dispatch": ("cluster_changed", "UPDATE dispatch.lane SET cluster_id = 'another' WHERE consumer = 'dispatch'"),
    "scoring": ("topic_changed", "UPDATE scoring.lane SET topic_id = 'another'"),
    "intake": ("offset_after_log", "UPDATE intake.lane SET next_offset = 1000000 WHERE consumer = 'intake-alarms'"),
    "cockpit": ("cluster_changed", "UPDATE cockpit.lane SET cluster_id = 'another'"),
}


async def test_recreated_topic_halts_each_service_until_resumed(command_installation: CommandInstallation) -> None:
    pids = {each["name"]: each["pid"] for each in command_installation.status()["services"]}
    for service, (_, change) in HALTS.items():
        os.kill(pids[service], signal.SIGSTOP)  # or its next batch would notice the change and reload its lanes
        await command_installation.rows(change)
        os.kill(pids[service], signal.SIGKILL)

    halted = dict.fromkeys(HALTS, "halted")
    await poll(lambda: command_installation.conditions() == halted, within_s=TIMEOUT_S, what="four halts")
    halts_by_service = command_installation.status()["halts"]
    assert {name: [halt["reason"] for halt in halts] for name, halts in halts_by_service.items()} == {
        name: [reason] for name, (reason, _) in HALTS.items()
    }
    command_installation.paidan.run("down")
    command_installation.paidan.run("up", "--detach")
    await poll(lambda: command_installation.conditions() == halted, within_s=TIMEOUT_S, what="four halts again")

    command_installation.paidan.run("resume", "--service", "intake", "--at", "start")
    command_installation.paidan.run("resume")
    running = dict.fromkeys(HALTS, "running")
    await poll(lambda: command_installation.conditions() == running, within_s=TIMEOUT_S, what="four services that run")

    assert (await command_installation.await_outcome(await command_installation.send_ticket("after the halts")))[0] in (
        "opened",
        "merged",
    )
    verified = command_installation.paidan.run("verify")
    assert "FAILS" not in verified.stdout
