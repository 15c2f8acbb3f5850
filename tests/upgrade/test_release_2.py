"""Today's services take over an installation of release 2: rows of its outbox's format, cases in flight, clocks set."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import pytest

from paidan_chassis.consumer.outbox_format_2 import OUTBOX_FORMAT_2, unpack
from paidan_chassis.kafka.producer import partition_for
from paidan_contracts.inbox import RELEASE
from paidan_contracts.topics import find_topic
from paidan_deploy.credentials import Credentials
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.database import prepare_database
from tests import servers as real
from tests.chaos.audit import audit_installation
from tests.chaos.installation import ChaosInstallation
from tests.chaos.wait_settled import wait_settled
from tests.upgrade.old_statements import find_refused, list_omitted_columns
from tests.upgrade.release import RecordedRelease, read_release, restore_tables
from tests.upgrade.takeover import prepare, restored_installation, start

pytestmark = pytest.mark.takes(seconds=30)

ARCHIVE: Final = Path(__file__).parent / "release_2" / "installation.tar.xz"
UNRELAYED_ROWS: Final = """
    SELECT outbox.first_seq, outbox.body, lane.consumer || '/' || lane.topic || '-' || lane.partition AS origin
      FROM outbox
      JOIN lane USING (consumer, topic, partition)
     WHERE outbox.last_seq > lane.relayed_seq
     ORDER BY outbox.consumer, outbox.topic, outbox.partition, outbox.first_seq
"""
OVERDUE: Final = """
    SELECT count(DISTINCT case_id)
      FROM history
     WHERE convert_from(event, 'UTF8')::jsonb ->> 'type' IN ('case.overdue.v1', 'case.clock_overdue.v1')
       AND case_id = ANY($1::text[])
"""
Destination: TypeAlias = tuple[str, int]
"""A topic and one of its partitions."""


class Sent(NamedTuple):
    """A message by the lane that it comes from, its number there, and its content."""

    origin: bytes
    seq: int
    value: bytes | None


@pytest.fixture(scope="module")
def release() -> RecordedRelease:
    """Read the recording."""
    return read_release(ARCHIVE)


@pytest.fixture
async def installation(
    servers: real.ServerAddresses, topic_prefix: str, run_folder: Path, release: RecordedRelease
) -> AsyncIterator[ChaosInstallation]:
    """Restore the recording as it was, and kill its processes at the end."""
    async with restored_installation(servers, topic_prefix, run_folder, release) as restored:
        yield restored


async def test_current_services_continue_what_release_2_left(
    installation: ChaosInstallation, release: RecordedRelease
) -> None:
    """Its messages come first, in their order; its cases go on, and its clocks fire; nothing is missing or twice."""
    unrelayed = await read_unrelayed(installation)
    published = Counter((each.topic, each.partition) for each in release.records)
    assert sum(map(len, unrelayed.values())) > 200
    assert (timers := await installation.fetch_value("SELECT count(*) FROM timer")) > 50
    case_ids = await installation.fetch_value("SELECT array_agg(case_id) FROM case_now WHERE status = 'dispatched'")

    await prepare(installation)
    assert await installation.fetch_value("SELECT count(*) FROM timer") == timers, "release 2 may still need it"
    load = await start(installation, decided_by=2)
    await load.send_reports(20, name="new")
    await wait_settled(installation)
    await check_relayed_first(installation, unrelayed, published)

    await installation.advance_clock(45)
    await wait_settled(installation)
    assert await installation.fetch_value(OVERDUE, case_ids) > 10
    async with load.responders():
        await wait_settled(installation)
        await prepare(installation)
        assert await installation.fetch_value("SELECT to_regclass('dispatch.timer')") is None
        await load.send_reports(10, name="after")
        await wait_settled(installation)
    await audit_installation(installation, load)
    assert await installation.fetch_value("SELECT count(*) FROM case_now WHERE status = 'closed'") > len(case_ids)


async def test_release_2_runs_beside_todays_tables_until_it_has_decided_everything(
    servers: real.ServerAddresses, tmp_path: Path, release: RecordedRelease
) -> None:
    """`paidan prepare` runs beside it: what its services say to the database is understood and allowed as before.

    Afterwards what only it needs is gone.
    """
    async with real.fresh_database(servers) as dsn, open_connection(dsn) as conn:
        await restore_tables(conn, release)
        commands_alone = await find_refused(conn, release.statements)
        filled_by_triggers = await list_omitted_columns(conn, release.statements)
        assert len(release.statements["dispatch"]) > 50
        assert {reason for each in commands_alone.values() for reason in each.values()} == {
            f"permission denied for table {table}" for table in ("pack", "in_force", "clock")
        }

        await prepare_database(dsn, Credentials(tmp_path))
        assert await find_refused(conn, release.statements) == commands_alone
        assert await list_omitted_columns(conn, release.statements) == filled_by_triggers

        await conn.execute("UPDATE dispatch.lane_release SET number = $1", RELEASE)
        await prepare_database(dsn, Credentials(tmp_path))
        refused = await find_refused(conn, release.statements)
    assert {service for service in refused if refused[service] != commands_alone[service]} == {"dispatch"}
    assert {'relation "timer" does not exist', 'column "step" of relation "case_now" does not exist'} <= set(
        refused["dispatch"].values()
    )


async def read_unrelayed(installation: ChaosInstallation) -> dict[Destination, list[Sent]]:
    """Return what each partition still had to get when release 2 ended, in order."""
    unrelayed: defaultdict[Destination, list[Sent]] = defaultdict(list)
    async with installation.conn() as conn:
        rows = await conn.fetch(UNRELAYED_ROWS)
    assert len(rows) > 5
    for row in rows:
        assert row["body"].startswith(OUTBOX_FORMAT_2)
        for seq, message in unpack(row["first_seq"], row["body"]):
            partition = partition_for(message.key.encode(), find_topic(message.topic).partitions)
            unrelayed[message.topic, partition].append(Sent(row["origin"].encode(), seq, message.value))
    return dict(unrelayed)


async def check_relayed_first(
    installation: ChaosInstallation,
    unrelayed: Mapping[Destination, Sequence[Sent]],
    published: Mapping[Destination, int],
) -> None:
    """Check that each partition goes on with what release 2 had still to publish, before anything new of that lane."""
    for (topic, partition), expected in unrelayed.items():
        (origin,) = {each.origin for each in expected}
        records = [each for each in await installation.read_topic(topic) if each.partition == partition]
        sent = [_sent(each) for each in records[published.get((topic, partition), 0) :]]
        first_seen = list(dict.fromkeys(each for each in sent if each.origin == origin))
        assert first_seen[: len(expected)] == expected, (topic, partition)
        assert [each.seq for each in first_seen] == sorted({each.seq for each in first_seen}), (topic, partition)


def _sent(record: Any) -> Sent:  # noqa: ANN401 - a record of Kafka's
    headers = dict(record.headers)
    return Sent(headers.get("ce_origin", b""), int(headers.get("ce_sequence", 0)), record.value)
