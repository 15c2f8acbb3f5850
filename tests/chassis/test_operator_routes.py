"""Dead letters and halts over HTTP: listed, shown, redriven once whoever dies or competes, dropped, resumed; logged."""

import asyncio
import os
import signal
import uuid

import httpx
import pytest

from paidan_chassis.consumer import halts
from paidan_chassis.consumer.dead_letter_counts import count_waiting
from paidan_chassis.edge.audit import AccessEvent, log_access
from paidan_chassis.errors import Halted
from paidan_chassis.kafka.record_batch import ProducerRecord
from paidan_chassis.operations.resume_advice import advice_for
from tests import fork_server, vault
from tests.chassis import operator_edge
from tests.chassis.awaited_dead_letters import dead_letters_for
from tests.chassis.consumer_harness import ConsumerHarness
from tests.chassis.foreign_records import append_records
from tests.chassis.operator_edge import OperatorEdge, open_operator_edge
from tests.chassis.sample_edge import PHONE, error_of
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=20)
COUNT_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def access_log(harness: ConsumerHarness) -> list[tuple[str | None, ...]]:
    """Return what the edge logged of acts and looks."""
    async with harness.conn() as conn:
        rows = await conn.fetch("SELECT kind, actor, subject, detail FROM access_log ORDER BY id")
    return [tuple(row.values()) for row in rows]


def mistake_of(response: httpx.Response) -> tuple[int, str, str | None]:
    error = error_of(response)
    return response.status_code, error["code"], error["field"]


async def test_letters_are_listed_by_pages_shown_without_what_is_sealed_and_dropped(harness: ConsumerHarness) -> None:
    headers = [("ce_source", b"urn:camera-7"), ("reporter", PHONE.encode()), ("ce_type", None)]
    letters = await dead_letters_for(
        harness,
        [ProducerRecord("in", 0, PHONE.encode(), f"unreadable {PHONE} {at}".encode(), headers) for at in range(3)],
    )
    newest_first = [str(each.letter_id) for each in reversed(letters)]
    async with open_operator_edge(harness) as edge:
        await check_pages(edge, newest_first)
        await check_drop(edge, harness, newest_first[0])

        shown = (await edge.client.get(f"/v1/dead-letters/{newest_first[1]}")).json()
        logged = await access_log(harness)
    async with open_operator_edge(harness, key=vault.OTHER_KEY) as edge:
        unread = (await edge.client.get(f"/v1/dead-letters/{newest_first[1]}")).json()
        locked = await edge.client.post(f"/v1/dead-letters/{newest_first[1]}/redrive")

    assert PHONE not in str(shown)
    assert shown["headers"] == [
        {"name": "ce_source", "value": "urn:camera-7"},
        {"name": "reporter", "value": None},
        {"name": "ce_type", "value": None},
    ]
    assert (shown["content"], shown["body_bytes"]) == ("stored", len(f"unreadable {PHONE} 1"))
    assert (unread["content"], unread["headers"], mistake_of(locked)[:2]) == ("other_key", [], (503, "vault_locked"))
    assert (shown["sender"], shown["attempts"], shown["state"]) == ("urn:camera-7", 1, "waiting")
    assert logged == [
        ("dead_letter_dropped", "ops *", newest_first[0], "测试数据"),
        ("dead_letter_read", "ops *", newest_first[1], "in-0@1"),
    ]


async def check_pages(edge: OperatorEdge, newest_first: list[str]) -> None:
    """Check that pages together are the list, and that what is misspelt is named."""
    first = (await edge.client.get("/v1/dead-letters?limit=2")).json()
    rest = await edge.list_letters(limit=2, after=first["after"])
    assert [each["letter_id"] for each in first["dead_letters"] + rest] == newest_first
    assert (rest[0]["offset"], rest[0]["reason"], rest[0]["detail"]) == (0, "unreadable", "field body")
    assert len(await edge.list_letters(consumer="ledger", topic="in", reason="unreadable", state="waiting")) == 3
    for other in ({"consumer": "x"}, {"topic": "x"}, {"reason": "x"}, {"state": ["redriven", "dropped"]}):
        assert await edge.list_letters(**other) == []
    for query, code, field in (
        ("after=nonsense", "invalid", "after"),
        ("state=lost", "invalid", "query.state.0"),
        ("topics=in", "unknown_parameter", "topics"),
    ):
        assert mistake_of(await edge.client.get(f"/v1/dead-letters?{query}"))[1:] == (code, field)
    refused = await edge.client.get("/v1/dead-letters", headers=edge.other_headers)
    assert mistake_of(refused) == (403, "forbidden", None)


async def check_drop(edge: OperatorEdge, harness: ConsumerHarness, letter_id: str) -> None:
    """Check that a dropped letter waits no more, and keeps who dropped it and why."""
    path = f"/v1/dead-letters/{letter_id}/drop"
    assert mistake_of(await edge.client.post(path, json={"reason": "  "})) == (422, "invalid", "reason")
    dropped = (await edge.client.post(path, json={"reason": " 测试数据 "})).json()
    assert (dropped["state"], dropped["dropped_by"], dropped["dropped_because"]) == ("dropped", "ops *", "测试数据")
    assert mistake_of(await edge.client.post(path, json={"reason": "again"}))[:2] == (409, "not_waiting")
    assert mistake_of(await edge.client.post(f"/v1/dead-letters/{letter_id}/redrive"))[:2] == (409, "not_waiting")
    unknown = await edge.client.post(f"/v1/dead-letters/{uuid.uuid4()}/drop", json={"reason": "x"})
    assert mistake_of(unknown)[:2] == (404, "not_found")
    assert letter_id not in [each["letter_id"] for each in await edge.list_letters(state="waiting")]
    async with harness.conn() as conn:
        assert await count_waiting(conn) == 2


async def test_letters_are_redriven_in_order_up_to_the_first_that_fails_again(harness: ConsumerHarness) -> None:
    bodies = [b"unreadable fixed", b"unreadable broken", b"unreadable never tried"]
    letters = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", each, []) for each in bodies])
    ids, stranger = [str(each.letter_id) for each in letters], str(uuid.uuid4())
    async with open_operator_edge(harness) as edge, harness.run_in_process(unreadable_word="broken"):
        answer = await edge.client.post("/v1/dead-letters/redrive", json={"ids": [*reversed(ids), stranger]})
        again = await edge.client.post(f"/v1/dead-letters/{ids[0]}/redrive")
        waiting = await edge.list_letters(state="waiting")
        logged = [(kind, subject) for kind, _, subject, _ in await access_log(harness)]
        last = waiting[0]["letter_id"]
        failed = await edge.client.post(f"/v1/dead-letters/{last}/redrive")
        [thrice] = [each for each in await edge.list_letters() if each["attempts"] == 3]

    body = answer.json()
    assert (body["redriven"], body["stopped_at"]["letter_id"], body["stopped_at"]["code"]) == (
        2,
        ids[1],
        "failed_again",
    )
    assert [(each["letter_id"], each["code"]) for each in body["skipped"]] == [(stranger, "not_found")]
    assert mistake_of(again)[:2] == (409, "not_waiting")
    assert [(each["offset"], each["attempts"]) for each in waiting] == [(4, 2), (2, 1)]
    assert logged == [("dead_letter_redriven", ids[0]), ("dead_letter_redriven", ids[1])]
    assert (failed.status_code, failed.json()["stopped_at"]["code"]) == (200, "failed_again")
    assert thrice["offset"] == 5


async def test_letter_that_two_redrive_at_once_is_appended_once(harness: ConsumerHarness) -> None:
    [letter] = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    path = f"/v1/dead-letters/{letter.letter_id}/redrive"
    async with open_operator_edge(harness) as edge, harness.run_in_process(reads_everything=True):
        answers = await asyncio.gather(*(edge.client.post(path) for _ in range(6)))
        await harness.wait_settled(1)

    assert sorted(each.status_code for each in answers) == [200, *[409] * 5]
    assert {error_of(each)["code"] for each in answers if each.status_code == 409} <= {"in_hand", "not_waiting"}
    assert [each.value for each in await harness.read_topic("in")] == [b"unreadable"] * 2


async def test_redrive_that_is_killed_is_done_once_by_the_next(harness: ConsumerHarness) -> None:
    """Killed when the record is appended and that is not noted: the next one finds it in the log."""
    records = [ProducerRecord("in", 0, b"k", b"unreadable", [("h", value)]) for value in (b"\xff", None)]
    letters = await dead_letters_for(harness, records)
    log = harness.folder / "redrive.log"
    process = fork_server.start(
        "tests.chassis.operator_edge",
        operator_edge.argument(harness.options, letters[0].letter_id),
        environment=os.environ,
        out=log,
    )
    await poll(lambda: process.poll() == -signal.SIGKILL, within_s=30, what="the redrive is killed")

    async with open_operator_edge(harness) as edge, harness.run_in_process(reads_everything=True):
        assert len(await edge.list_letters(state="waiting")) == 2
        for each in letters:
            answer = await edge.client.post(f"/v1/dead-letters/{each.letter_id}/redrive")
            assert answer.json() == {"redriven": 1, "skipped": [], "stopped_at": None}
        await harness.wait_settled(2)
        redriven = await edge.list_letters(state="redriven")

    assert [each["redriven_to"] for each in redriven] == [3, 2]
    assert len(await harness.read_topic("in")) == 4
    assert await harness.balance() == 2


async def resume_while_a_lane_is_busy(harness: ConsumerHarness, edge: OperatorEdge, halt_id: int) -> int:
    """Lift a halt that has to wait for a lane, log another access meanwhile, and return the status."""
    async with harness.conn() as owner, owner.transaction(), harness.conn() as auditor:
        await owner.execute("SELECT FROM lane FOR UPDATE")
        resuming = asyncio.create_task(edge.client.post(f"/v1/halts/{halt_id}/resume", json={"at": "kept"}))
        await poll(lambda: auditor.fetchval(COUNT_WAITING), what="one who waits for the lane")
        await asyncio.wait_for(log_access(auditor, AccessEvent("audit_read", "meanwhile")), 30)
    return (await resuming).status_code


async def test_halt_is_listed_with_what_it_needs_and_lifted_once(harness: ConsumerHarness) -> None:
    await append_records(harness, [ProducerRecord("in", 0, b"k", b"unreadable %d" % at, []) for at in range(5)])
    async with harness.run_in_process(dead_letter_limit=2) as task:
        with pytest.raises(Halted, match="dead_letter_limit"):
            await asyncio.wait_for(asyncio.shield(task), 20)
    async with open_operator_edge(harness) as edge:
        [halt] = (await edge.client.get("/v1/halts")).json()["halts"]
        path = f"/v1/halts/{halt['halt_id']}/resume"
        wrong = [await edge.client.post(path, json=body) for body in ({"at": "there"}, {}, {"at": "kept", "from": 1})]
        forbidden = await edge.client.post(path, json={"at": "kept"}, headers=edge.other_headers)
        resumed = await edge.client.post(path, json={"at": "kept"})
        async with harness.conn() as conn:
            await halts.record(conn, "ledger", "topic_changed", "a later one | 之后的一个")
        again = await edge.client.post(path, json={"at": "start"})
        [later] = (await edge.client.get("/v1/halts")).json()["halts"]
        assert await resume_while_a_lane_is_busy(harness, edge, later["halt_id"]) == 200
        unknown = await edge.client.post("/v1/halts/999999/resume", json={"at": "kept"})
        async with harness.run_in_process(reads_everything=True):
            await harness.wait_settled(3)
        assert (await edge.client.get("/v1/halts")).json() == {"halts": []}

    assert (halt["consumer"], halt["reason"], halt["at"]) == ("ledger", "dead_letter_limit", ["kept"])
    assert halt["needs"] == advice_for("dead_letter_limit").en
    assert ("within an hour" in halt["detail"], "一小时内" in halt["detail_zh"]) == (True, True)
    assert [mistake_of(each) for each in wrong] == [(422, "invalid", each) for each in ("at", "at", "from")]
    assert mistake_of(forbidden)[:2] == (403, "forbidden")
    assert resumed.json() == {"halt_id": halt["halt_id"], "consumer": "ledger", "at": "kept"}
    assert mistake_of(again)[:2] == (409, "not_halted")
    assert mistake_of(unknown)[:2] == (404, "not_found")
    assert (later["detail"], later["detail_zh"], later["at"]) == ("a later one", "之后的一个", ["start", "kept"])
    assert await access_log(harness) == [
        ("halt_resumed", "ops *", str(halt["halt_id"]), "ledger (dead_letter_limit) at kept"),
        ("audit_read", "meanwhile", None, None),
        ("halt_resumed", "ops *", str(later["halt_id"]), "ledger (topic_changed) at kept"),
    ]
