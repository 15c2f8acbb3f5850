"""A process is killed with -9 at every window of a batch; its successor loses nothing and repeats nothing."""

import signal

import pytest

from tests.chassis.consumer_harness import ConsumerHarness, ConsumerProcess, make_bodies
from tests.chassis.consumer_options import KillPoint
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=40)

WINDOWS: tuple[KillPoint, ...] = ("applying", "before_send", "amid_send", "after_send")


async def wait_killed(process: ConsumerProcess) -> None:
    """Wait until the sample consumer has killed itself."""
    await poll(lambda: process.exit_code() == -signal.SIGKILL, within_s=30, what="the process is killed")


@pytest.mark.parametrize("window", WINDOWS)
async def test_kill_at_any_point_neither_loses_nor_duplicates(harness: ConsumerHarness, window: KillPoint) -> None:
    """Before commit: replayed. After commit and before relay, or after publishing: relayed by the successor."""
    await harness.send(make_bodies(1500))
    with harness.start_process(kill_point=window, kill_after=700) as process:
        await wait_killed(process)

    with harness.start_process():
        await harness.wait_settled(1500)

    await harness.audit()


async def test_successor_relays_the_predecessors_outbox_first(harness: ConsumerHarness) -> None:
    """Readers see first appearances in order, although the first owner published nothing that it committed."""
    await harness.send(make_bodies(300))
    with harness.start_process(kill_point="before_send", kill_after=0) as process:
        await wait_killed(process)
    committed, unrelayed = await harness.balance(), await harness.unrelayed_count()
    assert committed > 0
    assert unrelayed == committed

    with harness.start_process():
        await harness.wait_settled(300)

    await harness.audit()


async def test_repeated_kills_under_load_neither_lose_nor_duplicate(
    harness: ConsumerHarness, request: pytest.FixtureRequest
) -> None:
    """Each process gets a little further than the one before."""
    rounds = 4 if request.config.getoption("--chaos") else 1
    await harness.send(make_bodies(2000 * rounds))
    for attempt, window in enumerate(WINDOWS * rounds):
        with harness.start_process(kill_point=window, kill_after=150 + 37 * attempt) as process:
            await wait_killed(process)

    with harness.start_process():
        await harness.wait_settled(2000 * rounds)

    await harness.audit()
