"""Photos that nobody refers to are swept; whatever a log names, or is uploaded or named meanwhile, stays."""

import asyncio
import os
import uuid
from pathlib import Path

import pytest

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.topics import ALARMS_PREFIX, CASES, INBOX, find_topic
from paidan_deploy.conservation.log_reader import LogReader
from paidan_deploy.conservation.photo_sweep import PhotoSweep
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from tests.intake.intake_service import IntakeService

DAY_S = 86_400


def add_photo(folder: Path, *, days_old: float) -> str:
    """Store a file under a new name."""
    ref = f"{uuid.uuid4().hex}{uuid.uuid4().hex}.jpg"
    path = folder / ref[:2] / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"jpeg")
    at = path.stat().st_mtime - days_old * DAY_S
    os.utime(path, (at, at))
    return ref


async def test_only_old_photos_that_nothing_names_are_swept(private_intake: IntakeService, tmp_path: Path) -> None:
    """A photo is evidence: what cannot be proved to be nobody's stays."""
    folder = tmp_path / "photos"
    cluster = KafkaCluster(private_intake.kafka, private_intake.prefix, topic_spec=find_topic)
    nobodys, reported, in_case, in_alarm, meanwhile, again = [add_photo(folder, days_old=40) for _ in range(6)]
    recent = add_photo(folder, days_old=2)
    async with open_connection(private_intake.database) as conn, Publisher(cluster, client_id="test") as publisher:
        await conn.executemany(
            "INSERT INTO intake.photo (ref, holder, city, taken_at) VALUES ($1, 'source:photo', 'tiny', now())",
            [(each,) for each in (nobodys, reported, in_case, in_alarm, meanwhile, again, recent)],
        )
        for schema in ("dispatch", "scoring", "cockpit"):
            await conn.execute(
                f"CREATE SCHEMA {schema} CREATE TABLE dead_letter (redriven_at timestamptz, dropped_at timestamptz)"
            )
        named = [(INBOX.name, reported), (CASES.name, in_case), (f"{ALARMS_PREFIX}gate", in_alarm)]
        await publisher.send([Message(topic, "tiny", f'"{ref}"'.encode(), ()) for topic, ref in named], timeout_s=20)
        sweep = PhotoSweep(LogReader(cluster), conn, folder, min_age_s=30 * DAY_S, grace_s=1.0)

        found = await sweep.find()
        removing = asyncio.create_task(sweep.remove(found))
        while (folder / meanwhile[:2] / meanwhile).exists():  # noqa: ASYNC110  # until the sweep has set it aside
            await asyncio.sleep(0.01)
        async with open_connection(private_intake.database) as other:
            await publisher.send([Message(INBOX.name, "tiny", f'"{meanwhile}"'.encode(), ())], timeout_s=20)
            await other.execute(
                "INSERT INTO intake.photo (ref, holder, city, taken_at) VALUES ($1, 'source:photo', 'tiny', now())",
                again,
            )
        result = await removing
        rows = {row["ref"] for row in await conn.fetch("SELECT ref FROM intake.photo")}
        await conn.execute("INSERT INTO dispatch.dead_letter VALUES (NULL), (NULL)")
        await conn.execute("UPDATE dispatch.dead_letter SET dropped_at = now() WHERE ctid <> '(0,1)'")
        with pytest.raises(DeployError, match="1 dead letters of dispatch may refer to photos"):
            await sweep.find()

    files = {path.name for path in folder.rglob("*.jpg*")}
    assert set(found) == {nobodys, meanwhile, again}
    assert (result.swept, result.kept) == (1, 2)
    assert files == rows == {reported, in_case, in_alarm, meanwhile, again, recent}
