"""From one release to the next, by real processes: killed while they read their marks, and drained up to the next."""

import signal
from typing import Final

import pytest

from paidan_chassis.consumer import halts
from paidan_chassis.errors import EXIT_HALTED
from paidan_contracts.inbox import RELEASE
from paidan_deploy.provisioning.release import place_release_marks
from paidan_deploy.services import DISPATCH
from tests.chaos.installation import ChaosInstallation
from tests.chaos.load import Load
from tests.chaos.service_process import ServiceProcess
from tests.chaos.wait_settled import wait_settled
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=30)

NEXT: Final = RELEASE + 1
RELEASES: Final = "SELECT lane, number FROM dispatch.lane_release ORDER BY lane"


async def take_halt(installation: ChaosInstallation, process: ServiceProcess) -> str:
    """Wait until dispatch has halted, lift the halt, and return its detail."""
    assert await process.wait_for_exit() == EXIT_HALTED, process.log_text()[-3000:]
    async with installation.conn() as conn:
        (halt,) = await halts.open_halts(conn, "dispatch")
        assert await halts.resume(conn) == 1
    assert halt.reason == "release_needed"
    return halt.detail


async def releases(installation: ChaosInstallation) -> set[int]:
    async with installation.conn() as conn:
        return {row["number"] for row in await conn.fetch(RELEASES)}


async def await_releases(installation: ChaosInstallation, expected: set[int]) -> None:
    async def found() -> bool:
        return await releases(installation) == expected

    await poll(found, within_s=60, what=f"lanes of release {expected}")


async def test_each_release_decides_its_part_of_the_log(installation: ChaosInstallation) -> None:
    """The older one reads to the marks and halts, also after a restart; the newer one begins there."""
    dispatch = installation.new_process(DISPATCH)
    for point in ("before_commit", "after_commit"):
        dispatch.start(kill_point=f"dispatch:{point}:0")
        assert await dispatch.wait_for_exit() == -signal.SIGKILL
    await installation.start()
    await await_releases(installation, {RELEASE})
    load = Load(installation, seed=11)
    await load.send_reports(60, name="before")

    async with installation.conn() as conn:
        assert await place_release_marks(conn, installation.cluster, release=NEXT) == 4
    assert f"must be decided by release {NEXT}, and this is release {RELEASE}" in await take_halt(
        installation, dispatch
    )
    assert await releases(installation) == {RELEASE}
    dispatch.start()
    assert f"release {NEXT}" in await take_halt(installation, dispatch)

    dispatch.start(release=NEXT)
    await dispatch.wait_until_ready()
    await await_releases(installation, {NEXT})
    await load.send_reports(40, name="after")
    await wait_settled(installation)
    dispatch.send_signal(signal.SIGTERM)
    assert await dispatch.wait_for_exit() == 0
    dispatch.start()
    assert f"must be decided by release {NEXT}, and this is release {RELEASE}" in await take_halt(
        installation, dispatch
    )
