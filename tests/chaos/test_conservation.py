"""The conservation check itself: whatever is lost, doubled or made up, the right claim of it fails."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest

from paidan_chassis.consumer.records import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_deploy.conservation.checks import Balance
from paidan_deploy.conservation.log_reader import Logs
from paidan_deploy.conservation.run import Ground, check
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests.chaos.installation import Works, installed
from tests.chaos.load import Crowd
from tests.chaos.payloads import alarm
from tests.chaos.wait_settled import settled

NEVER_TAKEN: Final = "0" * 64 + ".jpg"
JOINED: Final = "(SELECT id FROM dispatch.outcome WHERE about = 'report' AND result = 'merged' LIMIT 1)"
ONE_CASE: Final = "(SELECT case_id FROM dispatch.case_now ORDER BY case_id LIMIT 1)"
DAMAGES: Final = {
    "every report in the inbox came to one end": "DELETE FROM dispatch.outcome WHERE id = " + JOINED,
    "every action in the inbox came to one end": "DELETE FROM dispatch.outcome WHERE about = 'action'",
    "every outcome has its cause in the inbox": "INSERT INTO dispatch.outcome (id, about, result, decided_at)"
    " VALUES ('00000000-0000-0000-0000-000000000001', 'report', 'refused', now())",
    "what was received is what ended": "INSERT INTO dispatch.outcome (id, about, result, decided_at)"
    " VALUES ('00000000-0000-0000-0000-000000000001', 'report', 'refused', now())",
    "every unreadable record of the inbox is a dead letter": "DELETE FROM dispatch.dead_letter",
    "every alarm became a report, was screened out, or is a dead letter": "DELETE FROM intake.dead_letter",
    "cases are in the table as the log tells them": "UPDATE dispatch.case_now SET version = version + 1"
    " WHERE case_id = " + ONE_CASE,
    "reports opened and merged are the reports that cases hold": "UPDATE dispatch.outcome SET result = 'refused'"
    " WHERE id = " + JOINED,
    "scoring knows every case at its newest version": "UPDATE scoring.fact SET version = version - 1"
    " WHERE case_id = " + ONE_CASE,
    "every fact is tallied once": "DELETE FROM scoring.tally WHERE dimension = 'city' AND number > 0",
    "every reference into the vault leads somewhere": "DELETE FROM intake.vault",
}  # fmt: skip


@pytest.fixture(scope="module")
async def quiet(own_kafka: KafkaServer, own_postgres: PostgresServer, run_folder: Any) -> AsyncIterator[Works]:  # noqa: ANN401
    """Give an installation that has lived a little and is at rest, with nothing running any more."""
    async with installed(own_kafka, own_postgres, "conserved.", run_folder / "conserved") as works:
        crowd = Crowd(works, seed=7)
        await works.start()
        async with Publisher(works.cluster, client_id="test") as publisher:
            await publisher.send(
                [Message(topic, "k", b"[" * 100_000, ()) for topic in ("paidan.inbox", "paidan.alarms")]
            )
            chance = random.Random(7)  # noqa: S311  # a test has to be repeatable, not secret
            seen = alarm(chance, "seen") | {"confidence": 0.95, "photos": [NEVER_TAKEN]}
            for each in (seen, alarm(chance, "homeless") | {"source": "nobodys"}):
                await publisher.send([Message("paidan.alarms", "k", json.dumps(each).encode(), ())])
        async with crowd.at_work():
            await crowd.report(200)
            await settled(works)
        await settled(works)
        await works.stop()
        yield works


async def failing(works: Works, damage: str = "SELECT") -> set[str]:
    """Name the claims that fail on damaged tables."""
    return {claim.name for claim in (await judged(works, damage)).claims if not claim.holds}


async def judged(works: Works, damage: str = "SELECT") -> Balance:
    """Run the check on damaged tables, and undo the damage."""
    conn: asyncpg.Connection[Any] = await asyncpg.connect(works.dsn, timeout=10)
    try:
        undone = conn.transaction()
        await undone.start()
        # Past the triggers that forbid such things.
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute(damage)
        ground = Ground(Logs(works.kafka.address, works.prefix), conn, works.home.photos)
        found = await check(ground, within_s=60)
        await undone.rollback()
    finally:
        await conn.close()
    return found


def against(found: Balance, claim: str) -> tuple[str, ...]:
    """Name what speaks against one claim, where no other fails."""
    assert {each.name for each in found.claims if not each.holds} == {claim}
    return next(each.examples for each in found.claims if each.name == claim)


async def test_it_holds_where_nothing_is_wrong(quiet: Works) -> None:
    assert await failing(quiet) == set()


@pytest.mark.parametrize("claim", DAMAGES)
async def test_damage_to_a_table_is_told_by_the_claim_that_speaks_of_it(quiet: Works, claim: str) -> None:
    assert claim in await failing(quiet, DAMAGES[claim])


async def test_words_without_a_person_that_the_vault_lost_are_told(quiet: Works) -> None:
    """Most people give no name, and what they wrote is in the vault all the same."""
    reports = [said for said in await said_in_inbox(quiet) if said["type"] == "report.received.v1"]
    lost = next(said["report_id"] for said in reports if said["text"] and "reporter" not in said)

    found = await judged(quiet, f"DELETE FROM intake.vault WHERE report_id = '{lost}'")

    assert against(found, "every reference into the vault leads somewhere") == (lost,)


async def test_photos_that_others_name_and_nobody_sent_are_seen_and_are_no_loss_of_ours(quiet: Works) -> None:
    said = await said_in_inbox(quiet)
    proof = {ref for each in said if each["type"] == "action.requested.v1" for ref in each["action"].get("proof", ())}

    found = await judged(quiet)

    assert found.holds
    [remark] = found.remarks
    assert (remark.counted, remark.found) == (len(proof) + 1, len(proof) + 1)
    assert remark.examples[0] == NEVER_TAKEN


async def test_proof_that_was_sent_and_is_lost_is_a_loss(quiet: Works) -> None:
    held = "INSERT INTO intake.photo (ref, holder, city, taken_at) VALUES ('{}', 'department:streets', 'tiny', now())"
    proof = next(ref for each in await said_in_inbox(quiet) for ref in each.get("action", {}).get("proof", ()))

    found = await judged(quiet, held.format(proof))

    assert against(found, "every photo is there") == (proof,)


async def said_in_inbox(works: Works) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in await works.read("paidan.inbox") if record.value[:1] == b"{"]


async def test_damage_to_a_log_is_told(quiet: Works) -> None:
    """Last of this module, for nothing can be taken back from a log."""
    outcome = json.loads((await quiet.read("paidan.outcomes"))[0].value)
    step = json.loads((await quiet.read("paidan.cases"))[0].value)
    torn = outcome | {"result": "opened" if outcome["result"] == "refused" else "refused"}
    skipped = step | {"version": 999}
    async with Publisher(quiet.cluster, client_id="test") as publisher:
        await publisher.send([Message("paidan.outcomes", outcome["id"], json.dumps(torn).encode(), ())])
        assert await failing(quiet) == {"each published outcome is the only one for its id"}
        await publisher.send([Message("paidan.cases", step["case_id"], json.dumps(skipped).encode(), ())])
    async with quiet.conn("scoring") as conn:
        await conn.execute("UPDATE lane SET next_offset = next_offset + 1000")  # nobody runs who could come to the end

    assert "each case's versions come first in their order, without a gap" in await failing(quiet)
