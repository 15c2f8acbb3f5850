"""Today's services take over an installation that release 0.1.0 left in the middle of its work."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from paidan_chassis.consumer.halts import open_halts, resume
from paidan_contracts.inbox import RELEASE
from paidan_contracts.topics import CASES, INBOX
from paidan_deploy.conservation.log_reader import LogReader
from paidan_deploy.credentials import Credentials
from paidan_deploy.paths import StackPaths
from paidan_deploy.provisioning import database
from paidan_deploy.provisioning.api_keys import create_key
from paidan_deploy.provisioning.release import ReleaseNotDrained, place_release_marks
from paidan_deploy.provisioning.topics import create_topics
from paidan_deploy.services import DISPATCH
from tests import servers as real
from tests.chaos.installation import ChaosInstallation
from tests.chaos.service_process import ServiceProcess
from tests.chaos.wait_settled import wait_settled
from tests.polling import poll
from tests.upgrade.release import RecordedRelease, RestoreTarget, read_release, restore, restore_backup

pytestmark = pytest.mark.takes(seconds=30)

ARCHIVE: Final = Path(__file__).parent / "release_0_1_0" / "installation.tar.xz"
SETTLE_TIMEOUT_S: Final = 120.0
UNRELAYED: Final = "SELECT count(*) FROM lane WHERE relayed_seq < seq"
HISTORY: Final = "SELECT case_id, version, event, chain FROM history ORDER BY case_id, version"
OUTCOMES: Final = (
    "SELECT id, about, result, case_id, case_version FROM outcome WHERE result <> 'dead_lettered' ORDER BY id"
)


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
        async with installation_on(servers, dsn, topic_prefix, home) as installation:
            yield RestoredInstallation(installation, release)


@asynccontextmanager
async def installation_on(
    servers: real.ServerAddresses, dsn: str, prefix: str, home: StackPaths
) -> AsyncIterator[ChaosInstallation]:
    """Bring a restored database up to date, as every start does, and kill its processes at the end."""
    credentials = Credentials(home.secrets)
    installation = ChaosInstallation(servers, dsn.rsplit("/", 1)[1], prefix, home, {"admin": credentials.admin_token})
    await database.prepare_database(dsn, credentials)
    await create_topics(installation.cluster)
    try:
        yield installation
    finally:
        installation.kill_all()


async def test_current_services_continue_a_recorded_installation(
    restored: RestoredInstallation, servers: real.ServerAddresses
) -> None:
    """Published history and outcomes do not change, and no pending record is lost.

    0.1 decides what it had received; from the mark on this release does, also after an older backup is restored.
    """
    installation, pending = restored.installation, await pending_ids(restored)
    assert len(pending) > 10
    assert all([await installation.fetch_value(UNRELAYED, schema=schema) for schema in ("intake", "dispatch")])
    history, outcomes = await rows(installation, HISTORY), await rows(installation, OUTCOMES)

    with pytest.raises(ReleaseNotDrained, match=r"0\.1\) has not decided all of its inbox: paidan\.inbox-\d from"):
        await place_marks(installation)
    assert await place_marks_after_draining(installation) == INBOX.partitions
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
    await installation.stop()
    await check_restored_backup(restored, servers)


async def check_restored_backup(restored: RestoredInstallation, servers: real.ServerAddresses) -> None:
    """Check that the backup of before the upgrade is replayed by both releases, each up to the mark and from there."""
    upgraded = restored.installation
    async with real.fresh_database(servers) as dsn:
        target = RestoreTarget(servers.kafka, upgraded.prefix, dsn, upgraded.paths)
        await restore_backup(restored.release, target)
        async with installation_on(servers, dsn, upgraded.prefix, upgraded.paths) as installation:
            with pytest.raises(ReleaseNotDrained):
                await place_marks(installation)
            dispatch = installation.new_process(DISPATCH)
            dispatch.start("--only", "loop")
            assert "must be decided by release 1 (0.1)" in await take_halt(installation, dispatch)

            dispatch.start("--only", "loop", release=1)
            assert f"must be decided by release {RELEASE}" in await take_halt(installation, dispatch)
            assert await place_marks(installation) == 0
            dispatch.start("--only", "loop")
            await poll(lambda: is_decided_to_the_end(installation), within_s=SETTLE_TIMEOUT_S, what="the whole replay")
            assert await rows(installation, HISTORY) == await rows(upgraded, HISTORY)
            assert await rows(installation, OUTCOMES) == await rows(upgraded, OUTCOMES)


async def take_halt(installation: ChaosInstallation, process: ServiceProcess) -> str:
    """Wait until dispatch has halted, end its process, lift the halt, and return its detail."""
    async with installation.conn() as conn:
        (halt,) = await poll(lambda: open_halts(conn), within_s=SETTLE_TIMEOUT_S, what="a halt")
        process.kill()
        assert await resume(conn) == 1
    return halt.detail


async def place_marks_after_draining(installation: ChaosInstallation) -> int:
    """Let dispatch alone decide what waits in the inbox, by the number of 0.1, and stop it, until nothing is left."""
    dispatch = installation.new_process(DISPATCH)
    for _ in range(10):
        dispatch.start("--only", "loop", release=1)
        await poll(lambda: is_decided_to_the_end(installation), within_s=SETTLE_TIMEOUT_S, what="a drained inbox")
        await installation.stop()
        # As it stopped, it may have appended answers and timers that it did not read any more.
        with suppress(ReleaseNotDrained):
            return await place_marks(installation)
    raise AssertionError("the inbox is never drained")


async def is_decided_to_the_end(installation: ChaosInstallation) -> bool:
    await asyncio.sleep(0.1)
    span = await LogReader(installation.cluster).current_span(INBOX.name)
    offsets = {
        row["partition"]: row["next_offset"]
        for row in await rows(installation, f"SELECT partition, next_offset FROM lane WHERE topic = '{INBOX.name}'")
    }
    return all(offsets.get(at.partition, 0) == end for at, end in span.ends.items())


async def place_marks(installation: ChaosInstallation) -> int:
    async with installation.conn() as conn:
        return await place_release_marks(conn, installation.cluster)


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
    async with installation.conn() as conn:
        scopes = ["role:operator", "role:privacy_officer"]
        installation.tokens["officer"], _ = await create_key(conn, name="officer", city="*", scopes=scopes)
    async with installation.client("intake", "officer") as client:
        response = await client.post(f"/v1/reports/{UUID(str(report_id))}/reporter", json={"reason": "核实上报内容"})
    assert response.status_code == 200, response.text
    assert response.json()["text"]
