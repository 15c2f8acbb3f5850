"""An installation that release 0.1.0 left in the midst of its work is taken up by today's services."""

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
SETTLED_S: Final = 120.0
UNRELAYED: Final = "SELECT count(*) FROM lane WHERE relayed_seq < seq"
HISTORY: Final = "SELECT case_id, version, event, chain FROM history ORDER BY case_id, version"
OUTCOMES: Final = "SELECT id, about, result, case_id, case_version FROM outcome WHERE result <> 'dead_lettered'"


@dataclass(frozen=True, slots=True)
class Restored:
    """The installation as it stands before today's services, and the recording that it was made from."""

    installation: ChaosInstallation
    release: RecordedRelease


@pytest.fixture
async def restored(servers: real.ServerAddresses, topic_prefix: str, run_folder: Path) -> AsyncIterator[Restored]:
    """Restore the recording; at the end all processes on it are ended."""
    release = await asyncio.to_thread(read_release, ARCHIVE)
    home = StackPaths(run_folder / topic_prefix / "home")
    async with real.fresh_database(servers) as dsn:
        await restore(release, RestoreTarget(servers.kafka, topic_prefix, dsn, home))
        credentials = Credentials(home.secrets)
        tokens = {"admin": credentials.admin_token}
        installation = ChaosInstallation(servers, dsn.rsplit("/", 1)[1], topic_prefix, home, tokens)
        try:
            yield Restored(installation, release)
        finally:
            installation.kill_all()


async def test_todays_services_go_on_where_the_release_stopped(restored: Restored) -> None:
    """Nothing that was said before changes, nothing that waited is lost."""
    installation, pending = restored.installation, await undecided(restored)
    assert len(pending) > 10
    assert all([await installation.fetch_value(UNRELAYED, schema=schema) for schema in ("intake", "dispatch")])
    history, outcomes = await rows(installation, HISTORY), await rows(installation, OUTCOMES)

    await database.prepare_database(installation.dsn, Credentials(installation.paths.secrets))
    await create_topics(installation.servers.kafka, installation.prefix)
    await installation.start()
    await wait_settled(installation, within_s=SETTLED_S)

    assert [claim for claim in (await installation.run_verification()).claims if not claim.holds] == []
    decided, steps = await rows(installation, OUTCOMES), await rows(installation, HISTORY)
    assert pending <= {str(row["id"]) for row in decided}
    assert set(outcomes) < set(decided)
    assert set(history) < set(steps)
    check_chains(steps)
    check_versions(
        await installation.read_topic(CASES.name), {(row["case_id"], row["version"]): row["event"] for row in steps}
    )
    await check_vault(installation)


async def rows(installation: ChaosInstallation, statement: str) -> list[Any]:
    async with installation.conn() as conn:
        return list(await conn.fetch(statement))


async def undecided(restored: Restored) -> set[str]:
    """Give the ids of reports and actions that stand in the inbox beyond where dispatch had read."""
    stands = {
        row["partition"]: row["next_offset"]
        for row in await rows(
            restored.installation, f"SELECT partition, next_offset FROM lane WHERE topic = '{INBOX.name}'"
        )
    }
    bodies = [
        json.loads(record.value or b"{}")
        for record in restored.release.records
        if record.topic == INBOX.name and record.offset >= stands[record.partition]
    ]
    return {each.get("report_id") or each["action_id"] for each in bodies if {"report_id", "action_id"} & each.keys()}


def check_chains(history: list[Any]) -> None:
    """Every step's chain continues the one before, over the steps of both releases."""
    chains: defaultdict[str, bytes] = defaultdict(lambda: bytes(32))
    for row in history:
        chains[row["case_id"]] = sha256(chains[row["case_id"]] + row["event"]).digest()
        assert chains[row["case_id"]] == row["chain"]


def check_versions(published: list[Any], history: Mapping[tuple[str, int], bytes]) -> None:
    """Each version of a case comes first in its turn and says one thing, what was relayed twice included."""
    highest: Counter[str] = Counter()
    steps = [(json.loads(each.value), each.value) for each in published if dict(each.headers).get("ce_origin")]
    for body, value in steps:
        case_id, version = body["case_id"], body["version"]
        assert value == history[case_id, version], f"{case_id} {version} says two things"
        assert version <= highest[case_id] + 1, f"{case_id} has {version} after {highest[case_id]}"
        highest[case_id] = max(highest[case_id], version)
    assert len(history) == highest.total()


async def check_vault(installation: ChaosInstallation) -> None:
    """What a resident said can still be shown to whoever gives a reason: the recorded key opens it."""
    sealed = await installation.fetch_value(
        "SELECT report_id FROM vault WHERE sealed IS NOT NULL LIMIT 1", schema="intake"
    )
    async with installation.client("intake", "admin") as client:
        shown = await client.post(f"/v1/reports/{UUID(str(sealed))}/reporter", json={"reason": "回访"})
    assert shown.status_code == 200, shown.text
    assert shown.json()["text"]
