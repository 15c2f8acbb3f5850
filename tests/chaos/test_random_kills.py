"""Services are killed at random moments under load; the result is the same as without kills."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from tests.chaos.audit import audit_installation
from tests.chaos.installation import ChaosInstallation
from tests.chaos.load import Load
from tests.chaos.wait_settled import wait_settled
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=40)

SERVICES = ("intake", "dispatch", "scoring")
REPORTS = 3000
SEED = 20260302


def kill_order(rng: random.Random, kills: int) -> Iterator[str]:
    """Yield the services to kill: each once a round, in random order."""
    for start in range(0, kills, len(SERVICES)):
        yield from rng.sample(SERVICES, min(len(SERVICES), kills - start))


async def kill_at_random(installation: ChaosInstallation, load: Load, *, kills: int, reports: int) -> None:
    """Kill and restart one service after the other, each when a random share of the load is delivered."""
    rng = random.Random(SEED)  # noqa: S311 - a test has to be repeatable, not secret
    marks = sorted(rng.randrange(reports // 20, reports * 9 // 10) for _ in range(kills))
    for mark, name in zip(marks, kill_order(rng, kills), strict=True):
        await poll(lambda mark=mark: load.delivered_count >= mark, within_s=300, what=f"{mark} reports")  # type: ignore[misc]
        await asyncio.sleep(rng.random())  # a random moment, not a wait for anything
        process = installation.processes[name]
        assert process.exit_code is None, process.log_text()[-3000:]
        process.kill()
        process.start()
        if rng.random() < 0.5:
            await process.wait_until_ready()


async def test_random_kills_under_load_neither_lose_nor_duplicate(
    installation: ChaosInstallation, *, full_run: bool
) -> None:
    kills, reports = (50, 8 * REPORTS) if full_run else (5, REPORTS)
    load = Load(installation, SEED, answered_percent=100 if full_run else 30)
    await installation.start()

    async with load.responders():
        async with asyncio.TaskGroup() as group:
            group.create_task(load.send_reports(reports))
            group.create_task(kill_at_random(installation, load, kills=kills, reports=reports))
        # On a busy machine the last report is delivered before the first finish is decided, and none is inspected.
        await poll(
            lambda: load.answer_count > 100 and load.action_count > 20, within_s=300, what="answers and inspections"
        )
    for process in installation.processes.values():
        await process.wait_until_ready()
    await installation.advance_clock(20)  # past the accept deadlines of unanswered orders
    await wait_settled(installation)

    logs = await audit_installation(installation, load)
    await installation.stop()
    assert len({each["case_id"] for each in logs.bodies("paidan.cases")}) > reports // 20
