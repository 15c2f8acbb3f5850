"""Today's services take over an installation that release 0.1.0 left in the middle of its work."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from paidan_contracts.topics import CASES, INBOX
from paidan_deploy.credentials import Credentials
from paidan_deploy.paths import StackPaths
from paidan_deploy.provisioning import database
from paidan_deploy.provisioning.topics import create_topics
from tests import servers as real
from tests.chaos.installation import ChaosInstallation
from tests.chaos.wait_settled import wait_settled
from tests.upgrade.release import RecordedRelease, RestoreTarget, read_release, restore

ARCHIVE: Final = Path(__file__).parent / "release_0_1_0" / "installation.tar.xz"
SETTLE_TIMEOUT_S: Final = 120.0
UNRELAYED: Final = "SELECT count(*) FROM lane WHERE relayed_seq < seq"
HISTORY: Final = "SELECT case_id, version, event, chain FROM history ORDER BY case_id, version"
OUTCOMES: Final = "SELECT id, about, result, case_id, case_version FROM outcome WHERE result <> 'dead_lettered'"


@dataclass(frozen=True, slots=True)
class RestoredInstallation:
    """An installation restored from a recording, before today's services start, and the recording."""

    installation: ChaosInstallation
    release: RecordedRelease


@pytest.fixture
async def restored(
    servers: real.ServerAddresses, topic_prefix: str, run_folder: Path
) -> AsyncIterator[RestoredInstallation]:
    """Restore the recording, and kill its processes at the end."""
    release = await asyncio.to_thread(read_release, ARCHIVE)
    home = StackPaths(run_folder / topic_prefix / "home")
    async with real.fresh_database(servers) as dsn:
        await restore(release, RestoreTarget(servers.kafka, topic_prefix, dsn, home))
        credentials = Credentials(home.secrets)
        tokens = {"admin": credentials.admin_token}
        installation = ChaosInstallation(servers, dsn.rsplit("/", 1)[1], topic_prefix, home, tokens)
        try:
            yield RestoredInstallation(installation, release)
        finally:
            installation.kill_all()


async def test_current_services_continue_a_recorded_installation(restored: RestoredInstallation) -> None:
    """Published history and outcomes do not change, and no pending record is lost."""
    installation, pending = restored.installation, await pending_ids(restored)
    assert len(pending) > 10
    assert all([await installation.fetch_value(UNRELAYED, schema=schema) for schema in ("intake", "dispatch")])
    history, outcomes = await rows(installation, HISTORY), await rows(installation, OUTCOMES)

    await database.prepare_database(installation.dsn, Credentials(installation.paths.secrets))
    await create_topics(installation.servers.kafka, installation.prefix)
    await installation.start()
    await wait_settled(installation, within_s=SETTLE_TIMEOUT_S)

    assert [claim for claim in (await installation.run_verification()).claims if not claim.holds] == []
    later_outcomes, events = await rows(installation, OUTCOMES), await rows(installation, HISTORY)
    assert pending <= {str(row["id"]) for row in later_outcomes}
    assert set(outcomes) < set(later_outcomes)
    assert set(history) < set(events)
    check_chains(events)
    check_versions(
        await installation.read_topic(CASES.name), {(row["case_id"], row["version"]): row["event"] for row in events}
    )
    await check_vault(installation)


async def rows(installation: ChaosInstallation, statement: str) -> list[Any]:
    async with installation.conn() as conn:
        return list(await conn.fetch(statement))


async def pending_ids(restored: RestoredInstallation) -> set[str]:
    """Return the ids of reports and actions in the inbox that dispatch had not yet processed."""
    next_offsets = {
        row["partition"]: row["next_offset"]
        for row in await rows(
            restored.installation, f"SELECT partition, next_offset FROM lane WHERE topic = '{INBOX.name}'"
        )
    }
    bodies = [
        json.loads(record.value or b"{}")
        for record in restored.release.records
        if record.topic == INBOX.name and record.offset >= next_offsets[record.partition]
    ]
    return {each.get("report_id") or each["action_id"] for each in bodies if {"report_id", "action_id"} & each.keys()}


def check_chains(history: list[Any]) -> None:
    """Check each case's hash chain over the events of both releases."""
    chains: defaultdict[str, bytes] = defaultdict(lambda: bytes(32))
    for row in history:
        chains[row["case_id"]] = sha256(chains[row["case_id"]] + row["event"]).digest()
        assert chains[row["case_id"]] == row["chain"]


def check_versions(published: list[Any], history: Mapping[tuple[str, int], bytes]) -> None:
    """Check that each version has one content, even if relayed twice, and first appears in version order."""
    highest: Counter[str] = Counter()
    events = [(json.loads(each.value), each.value) for each in published if dict(each.headers).get("ce_origin")]
    for body, value in events:
        case_id, version = body["case_id"], body["version"]
        assert value == history[case_id, version], f"{case_id} {version} has two contents"
        assert version <= highest[case_id] + 1, f"{case_id} has {version} after {highest[case_id]}"
        highest[case_id] = max(highest[case_id], version)
    assert len(history) == highest.total()


async def check_vault(installation: ChaosInstallation) -> None:
    """Check that the recorded key still decrypts a resident's text, on a request with a reason."""
    report_id = await installation.fetch_value(
        "SELECT report_id FROM vault WHERE sealed IS NOT NULL LIMIT 1", schema="intake"
    )
    async with installation.client("intake", "admin") as client:
        response = await client.post(f"/v1/reports/{UUID(str(report_id))}/reporter", json={"reason": "核实上报内容"})
    assert response.status_code == 200, response.text
    assert response.json()["text"]
