"""From one release to the next, by real processes: killed while they read their marks, and drained up to the next."""

import signal
from typing import Final

import httpx
import pytest

from paidan_chassis.consumer import halts
from paidan_contracts.inbox import RELEASE
from paidan_contracts.topics import INBOX
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
    """Wait until dispatch has halted and says so, end its process, lift the halt, and return its detail."""
    async with installation.conn() as conn:
        (halt,) = await poll(lambda: halts.open_halts(conn, "dispatch"), within_s=90, what="a halt")
        await poll(lambda: names_halt(process), within_s=30, what="/readyz names the halt")
        process.kill()
        assert await halts.resume(conn) == 1
    assert halt.reason == "release_needed"
    return halt.detail


async def names_halt(process: ServiceProcess) -> bool:
    async with httpx.AsyncClient() as client:
        response = await client.get(f"{process.url}/readyz")
    return response.status_code == 503 and "release_needed" in response.text


async def releases(installation: ChaosInstallation) -> list[int]:
    async with installation.conn() as conn:
        return [row["number"] for row in await conn.fetch(RELEASES)]


async def await_release(installation: ChaosInstallation, expected: int) -> None:
    async def found() -> bool:
        return await releases(installation) == [expected] * INBOX.partitions

    await poll(found, within_s=60, what=f"all lanes of release {expected}")


async def test_each_release_decides_its_part_of_the_log(installation: ChaosInstallation) -> None:
    """The older one reads to the marks and halts, also after a restart; the newer one begins there."""
    dispatch = installation.new_process(DISPATCH)
    for point in ("before_commit", "after_commit"):
        dispatch.start(kill_point=f"dispatch:{point}:0")
        assert await dispatch.wait_for_exit() == -signal.SIGKILL
    await installation.start()
    await await_release(installation, RELEASE)
    load = Load(installation, seed=11)
    await load.send_reports(60, name="before")

    async with installation.conn() as conn:
        assert await place_release_marks(conn, installation.cluster, release=NEXT) == INBOX.partitions
    assert f"must be decided by release {NEXT}, and this is release {RELEASE}" in await take_halt(
        installation, dispatch
    )
    assert await releases(installation) == [RELEASE] * INBOX.partitions
    dispatch.start()
    assert f"release {NEXT}" in await take_halt(installation, dispatch)

    dispatch.start(release=NEXT)
    await dispatch.wait_until_ready()
    await await_release(installation, NEXT)
    await load.send_reports(40, name="after")
    await wait_settled(installation)
    dispatch.send_signal(signal.SIGTERM)
    assert await dispatch.wait_for_exit() == 0
    dispatch.start()
    assert f"must be decided by release {NEXT}, and this is release {RELEASE}" in await take_halt(
        installation, dispatch
    )
