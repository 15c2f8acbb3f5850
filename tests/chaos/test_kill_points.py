"""Real services are killed at every point of a batch and of its commit; no record is lost or applied twice."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from paidan_deploy.services import DISPATCH, INTAKE, SCORING
from tests.chaos.audit import audit_installation
from tests.chaos.installation import ChaosInstallation
from tests.chaos.load import Load
from tests.chaos.service_process import ServiceProcess
from tests.chaos.wait_settled import wait_settled
from tests.chassis.commit_proxy import CutPoint, commit_proxy
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=45)

# before_publish twice: the second kill finds the first one's rows in the outbox.
KILL_POINT_NAMES = (
    "before_commit", "after_commit", "before_publish", "before_publish", "amid_publish", "after_publish",
)  # fmt: skip
KILL_POINTS = {
    "dispatch": [
        *(f"dispatch:{point}:2" for point in KILL_POINT_NAMES),
        "dispatch-desk:before_publish:1",
        "dispatch-desk:after_publish:1",
    ],
    "intake": ["intake-alarms:after_commit:0", "intake-alarms:after_publish:0", "intake-status:before_commit:1"],
    "scoring": ["scoring:before_commit:1", "scoring:after_commit:1"],
}
COMMIT_KILL_POINTS = ("before_commit", "after_commit")
ALL_KILL_POINTS = {
    "dispatch": [
        f"{name}:{each}:{n}" for name in ("dispatch", "dispatch-desk") for each in KILL_POINT_NAMES for n in (0, 3)
    ],
    "intake": [
        *(f"intake-alarms:{each}:{n}" for each in KILL_POINT_NAMES for n in (0, 2)),
        *(f"intake-status:{each}:{n}" for each in COMMIT_KILL_POINTS for n in (0, 2)),
    ],
    "scoring": [f"scoring:{each}:{n}" for each in COMMIT_KILL_POINTS for n in (0, 1, 2, 3)],
}


# A deferred trigger runs inside COMMIT.
BLOCK_COMMIT = """
    CREATE FUNCTION block_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(42);
        RETURN NULL;
    END
    $$;
    CREATE CONSTRAINT TRIGGER block_commit AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.consumer = 'dispatch') EXECUTE FUNCTION block_commit();
"""
COUNT_WAITING_COMMITS = """
    SELECT count(*)
      FROM pg_locks
     WHERE locktype = 'advisory' AND NOT granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def die_at_each_point(process: ServiceProcess, kill_points: Sequence[str]) -> None:
    """Start a process once for each kill point, wait for its end, and start it for good."""
    for kill_point in kill_points:
        process.start(kill_point=kill_point)
        assert await process.wait_for_exit(timeout_s=180) == -signal.SIGKILL, (
            f"{kill_point}: {process.log_text()[-3000:]}"
        )
    process.start()
    await process.wait_until_ready()


async def test_kill_at_every_point_neither_loses_nor_duplicates(
    installation: ChaosInstallation, *, full_run: bool
) -> None:
    points = ALL_KILL_POINTS if full_run else KILL_POINTS
    load = Load(installation, seed=1, answered_percent=50)
    tasks = [
        asyncio.create_task(die_at_each_point(installation.new_process(each), points[each.name]))
        for each in (INTAKE, DISPATCH, SCORING)
    ]

    async with load.responders():
        await load.send_reports_until(lambda: all(task.done() for task in tasks), name="w")
        await asyncio.gather(*tasks)
    await wait_settled(installation)

    await audit_installation(installation, load)
    assert load.answer_count > 10


async def test_commits_with_unknown_outcome_are_looked_up(installation: ChaosInstallation, *, full_run: bool) -> None:
    """Some connections break at COMMIT, before the server receives it or before its answer arrives."""
    cuts = {
        INTAKE: (CutPoint.BEFORE_ANSWER, 7),
        DISPATCH: (CutPoint.BEFORE_ANSWER, 5),
        SCORING: (CutPoint.BEFORE_SERVER, 4),
    }
    load = Load(installation, seed=2, answered_percent=50)
    for turn in range(2 if full_run else 1):
        async with AsyncExitStack() as proxies:
            opened = []
            for service, (cut, every) in cuts.items():
                side = (
                    cut
                    if turn == 0
                    else {
                        CutPoint.BEFORE_ANSWER: CutPoint.BEFORE_SERVER,
                        CutPoint.BEFORE_SERVER: CutPoint.BEFORE_ANSWER,
                    }[cut]
                )
                opened.append(
                    await proxies.enter_async_context(commit_proxy(installation.dsn_of(service), side, every=every))
                )
                installation.new_process(service, dsn=opened[-1].dsn)
            await installation.start()
            async with load.responders():
                await load.send_reports_until(lambda: all(each.cut_count > 2 for each in opened), name=f"c{turn}-")  # noqa: B023 - called here
            await wait_settled(installation)
            assert all(process.exit_code is None for process in installation.processes.values()), (
                "an unknown outcome ends no process"
            )
            installation.kill_all()

    await audit_installation(installation, load)


async def test_nothing_is_published_before_commit(installation: ChaosInstallation) -> None:
    """PostgreSQL blocks at COMMIT: an event that may still be rolled back must not be published."""
    load = Load(installation, seed=8)
    await installation.start()
    async with installation.conn() as holder:
        await holder.execute("SELECT pg_advisory_lock(42)")
        await holder.execute(BLOCK_COMMIT)
        await load.send_reports(40)
        await poll(
            lambda: installation.fetch_value(COUNT_WAITING_COMMITS),
            within_s=60,
            what="a batch that waits in COMMIT",
        )
        reads = [await installation.read_topic("paidan.cases") for _ in range(10)]
        assert reads == [[]] * 10
    await wait_settled(installation)

    await audit_installation(installation, load)
