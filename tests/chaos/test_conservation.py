"""The conservation check: each loss, duplicate or invented row fails the claim that covers it."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_deploy.conservation.anchor import Anchor
from paidan_deploy.conservation.report import ConservationReport
from paidan_deploy.conservation.run import check_conservation
from tests.chaos.damages import (
    ADDED_CASE,
    CASES,
    CHAIN_ANEW,
    DAMAGES,
    HISTORY,
    REJECTED_BY_DISPATCH,
    REMOVALS,
    REWRITINGS,
)
from tests.chaos.installation import ChaosInstallation, prepared_installation
from tests.chaos.load import Load
from tests.chaos.payloads import build_alarm
from tests.chaos.wait_settled import wait_settled
from tests.servers import ServerAddresses, fresh_prefix

pytestmark = pytest.mark.takes(seconds=70)


@pytest.fixture(scope="module")
def verified_under_load() -> list[ConservationReport]:
    """Return what the check finds while reports keep coming in; filled by ``settled_installation``."""
    return []


@pytest.fixture(scope="module")
async def settled_installation(
    short_session_servers: ServerAddresses, run_folder: Path, verified_under_load: list[ConservationReport]
) -> AsyncIterator[ChaosInstallation]:
    """Yield an installation that has processed some load and is stopped."""
    async with (
        fresh_prefix(short_session_servers.kafka) as prefix,
        prepared_installation(short_session_servers, prefix, run_folder / "conservation") as installation,
    ):
        load = Load(installation, seed=7)
        await installation.start()
        async with Publisher(installation.cluster, client_id="test") as publisher:
            await publisher.send(
                [Message(topic, "k", b"[" * 100_000, ()) for topic in ("paidan.inbox", "paidan.alarms")]
            )
            await publisher.send(
                [Message("paidan.inbox", "k", value, headers) for value, headers in REJECTED_BY_DISPATCH]
            )
            rng = random.Random(7)  # noqa: S311  # a test has to be repeatable, not secret
            seen = build_alarm(rng, "seen") | {"confidence": 0.95}
            for each in (seen, build_alarm(rng, "unknown-source") | {"source": "nobodys"}):
                await publisher.send([Message("paidan.alarms", "k", json.dumps(each).encode(), ())])
        async with load.responders(), installation.client("intake", "hotline") as client:
            praise = {"source_ref": "praise", "matter": "praise", "text": "谢谢"}
            assert (await client.post("/v1/tickets", json=praise)).status_code == 202
            await load.send_reports(100)
            verification = asyncio.create_task(installation.run_verification())
            await load.send_reports_until(verification.done, name="meanwhile")
            verified_under_load.append(await verification)
            await wait_settled(installation)
        await wait_settled(installation)
        await installation.stop()
        yield installation


async def failed_checks(installation: ChaosInstallation, damage: str = "SELECT") -> set[str]:
    """Return the claims that fail on damaged tables."""
    return {claim.name for claim in (await verify_damaged(installation, damage)).claims if not claim.holds}


async def verify_damaged(
    installation: ChaosInstallation, damage: str = "SELECT", *, anchor: Anchor | None = None
) -> ConservationReport:
    """Run the check on damaged tables, and roll the damage back."""
    conn: asyncpg.Connection[Any] = await asyncpg.connect(installation.dsn, timeout=10)
    try:
        transaction = conn.transaction(isolation="repeatable_read")
        await transaction.start()
        # Bypasses the triggers that forbid such changes.
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute(damage)
        report = await check_conservation(installation.sources(conn, anchor), timeout_s=60)
        await transaction.rollback()
    finally:
        await conn.close()
    return report


def problems_of(report: ConservationReport, claim: str) -> tuple[str, ...]:
    """Return the examples against one claim, and check that no other claim fails."""
    assert {each.name for each in report.claims if not each.holds} == {claim}
    return next(each.examples for each in report.claims if each.name == claim)


async def test_all_checks_pass_on_an_undamaged_installation(settled_installation: ChaosInstallation) -> None:
    assert await failed_checks(settled_installation) == set()


async def test_the_check_settles_while_reports_keep_coming_in(
    settled_installation: ChaosInstallation, verified_under_load: list[ConservationReport]
) -> None:
    """It holds up to a cut of the logs, and names the offsets."""
    [report] = verified_under_load

    assert [claim for claim in report.claims if not claim.holds] == []
    assert report.is_balanced
    ends = (await verify_damaged(settled_installation)).holds_to
    assert report.holds_to.keys() == {"paidan.alarms", "paidan.inbox", "paidan.cases"}
    assert 0 < sum(report.holds_to["paidan.inbox"].values()) < sum(ends["paidan.inbox"].values())


async def test_rewritten_history_is_found_though_its_chain_was_made_anew(
    settled_installation: ChaosInstallation,
) -> None:
    statements = []
    for number, rewriting in enumerate(REWRITINGS):
        condition = "AND" if "WHERE" in rewriting else "WHERE"
        statements.append(f"UPDATE dispatch.history {rewriting} {condition} case_id = {CASES.format(number)}")
    cases = [await settled_installation.fetch_value("SELECT " + CASES.format(number)) for number in range(3)]

    verified = await verify_damaged(settled_installation, "; ".join(statements) + CHAIN_ANEW)

    assert problems_of(verified, HISTORY) == tuple(cases)


async def test_history_holds_neither_less_nor_more_than_was_published(settled_installation: ChaosInstallation) -> None:
    cases = [await settled_installation.fetch_value("SELECT " + CASES.format(number)) for number in range(3)]
    damages = [damage.format(f"'{name}'") for damage, name in zip(REMOVALS, cases, strict=True)]
    added = f"INSERT INTO dispatch.history SELECT '{ADDED_CASE}', 1, event, chain FROM dispatch.history LIMIT 1"

    verified = await verify_damaged(settled_installation, "; ".join((*damages, added)))

    assert next(each.examples for each in verified.claims if each.name == HISTORY) == (ADDED_CASE, *cases)


async def test_an_anchor_holds_until_the_log_before_it_changes(settled_installation: ChaosInstallation) -> None:
    anchor = (await verify_damaged(settled_installation)).anchor
    assert sum(head.size for head in anchor.cases.values()) > 100

    assert (await verify_damaged(settled_installation, anchor=anchor)).holds
    forged = {partition: head._replace(digest="0" * 64) for partition, head in anchor.cases.items()}
    verified = await verify_damaged(settled_installation, anchor=replace(anchor, cases=forged))
    names = tuple(f"paidan.cases-{partition}" for partition in sorted(forged))
    assert problems_of(verified, "what the anchor was taken of is as it was then") == names


@pytest.mark.parametrize("claim", DAMAGES)
async def test_table_damage_fails_its_check(settled_installation: ChaosInstallation, claim: str) -> None:
    assert claim in await failed_checks(settled_installation, DAMAGES[claim])


async def test_lost_free_text_without_a_reporter_fails_the_vault_check(settled_installation: ChaosInstallation) -> None:
    """Most residents leave no name; their text is in the vault all the same."""
    reports = [event for event in await inbox_bodies(settled_installation) if event["type"] == "report.received.v1"]
    lost = next(report["report_id"] for report in reports if report["text"] and "reporter" not in report)

    verified = await verify_damaged(settled_installation, f"DELETE FROM intake.vault WHERE report_id = '{lost}'")

    assert problems_of(verified, "every reference into the vault has an entry") == (lost,)


async def test_photos_never_uploaded_are_a_notice_and_not_a_failure(settled_installation: ChaosInstallation) -> None:
    bodies = await inbox_bodies(settled_installation)
    proof = {ref for each in bodies if each["type"] == "action.requested.v1" for ref in each["action"].get("proof", ())}

    verified = await verify_damaged(settled_installation)

    assert verified.holds
    remark, _ = verified.remarks
    assert (remark.counted, remark.found) == (len(proof), len(proof))
    assert remark.examples[0] == min(proof)


async def test_lost_uploaded_proof_fails_the_photo_check(settled_installation: ChaosInstallation) -> None:
    upload = "INSERT INTO intake.photo (ref, holder, city, taken_at) VALUES ('{}', 'department:streets', 'tiny', now())"
    proof = next(
        ref for each in await inbox_bodies(settled_installation) for ref in each.get("action", {}).get("proof", ())
    )

    verified = await verify_damaged(settled_installation, upload.format(proof))

    assert problems_of(verified, "every photo exists") == (proof,)


async def inbox_bodies(installation: ChaosInstallation) -> list[dict[str, Any]]:
    """Return what services of ours wrote: all of that has a digest."""
    records = await installation.read_topic("paidan.inbox")
    return [body for record in records if b'"digest"' in record.value and (body := json.loads(record.value))]


async def test_log_damage_fails_its_check(settled_installation: ChaosInstallation) -> None:
    """Runs last in this module: a record cannot be removed from a topic."""
    outcomes = [json.loads(record.value) for record in await settled_installation.read_topic("paidan.outcomes")]
    outcome = next(each for each in outcomes if each["result"] != "dead_lettered")
    step = json.loads((await settled_installation.read_topic("paidan.cases"))[0].value)
    contradicting = outcome | {"result": "opened" if outcome["result"] == "refused" else "refused"}
    skipped = step | {"version": 999}
    async with Publisher(settled_installation.cluster, client_id="test") as publisher:
        await publisher.send([Message("paidan.outcomes", outcome["id"], json.dumps(contradicting).encode(), ())])
        assert await failed_checks(settled_installation) == {"each published outcome is the only one for its id"}
        await publisher.send([Message("paidan.cases", step["case_id"], json.dumps(skipped).encode(), ())])
    async with settled_installation.conn() as conn:
        for schema in ("scoring", "cockpit"):  # or the check would wait for services that are stopped
            await conn.execute(f"UPDATE {schema}.lane SET next_offset = next_offset + 1000")

    assert "each case's versions come first in their order, without a gap" in await failed_checks(settled_installation)
