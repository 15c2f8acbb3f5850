"""Two owners of a lane, one of them frozen, disconnected or late: only one applies, and readers get one history."""

import asyncio
import signal
from functools import partial

import psutil
import pytest

from tests.chassis.commit_proxy import CutPoint, commit_proxy
from tests.chassis.consumer_harness import ConsumerHarness, ConsumerProcess, make_bodies
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=45)

GATE = 42
"""An advisory lock that owners wait for in their transactions while the test holds it."""
FIND_LOCK_HOLDER = """
    SELECT client_port
      FROM pg_stat_activity
     WHERE application_name = 'paidan-ledger'
       AND datname = current_database()
       AND wait_event_type = 'Lock'
       AND wait_event = 'advisory'
"""
COUNT_LOCK_HOLDERS = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE application_name = 'paidan-ledger'
       AND datname = current_database()
       AND state = $1
       AND backend_xid IS NOT NULL
       AND wait_event = ANY($2)
       AND state_change < clock_timestamp() - interval '300 ms'
"""
"""Excludes the moment between two statements, which looks alike: frozen in the next one, it is another test."""


async def freeze_in_transaction(harness: ConsumerHarness, actor: ConsumerProcess, state: str, waits: list[str]) -> None:
    """Freeze a process while it holds its lanes' rows."""

    async def holds() -> bool:
        return await harness.fetch_number(COUNT_LOCK_HOLDERS, state, waits) == 1

    await poll(holds, what=f"a session {state}")
    actor.send_signal(signal.SIGSTOP)


@pytest.mark.parametrize(
    ("state", "waits", "naps", "lock_wait_s", "terminated"),
    [
        ("idle in transaction", ["ClientRead"], {"sleep_s": 2.0, "idle_in_transaction_s": 3.0}, 30.0, False),
        ("active", ["PgSleep"], {"sql_sleep_s": 20.0}, 1.0, True),
    ],
    ids=["freed by the server's time-out", "terminated in the midst of a statement"],
)
async def test_frozen_owner_is_fenced_and_writes_nothing_after_waking(
    harness: ConsumerHarness, state: str, waits: list[str], naps: dict[str, float], lock_wait_s: float, terminated: bool
) -> None:
    """It resumes in the middle of a batch, with a cache, and without its session; the position has moved."""
    await harness.send(["before"], keys=1)
    async with harness.run_in_process():
        await harness.wait_settled(1)  # the lane's topics are known from here on, and no batch is rolled back for them
    await harness.send(
        make_bodies(300), keys=1
    )  # one lane: owners of different lanes contend for the balance's row, too
    with harness.start_process(**naps) as frozen:
        await freeze_in_transaction(harness, frozen, state, waits)
        assert await harness.balance() == 1

        with harness.start_process(lock_wait_s=lock_wait_s) as taker:
            await harness.wait_settled(301)
            assert ("frozen_owner_terminated" in taker.log_text()) is terminated

        frozen.send_signal(signal.SIGCONT)
        await poll(lambda: "batch_delayed" in frozen.log_text(), what="the frozen owner's discovery")
        with harness.start_process():
            await harness.send(make_bodies(50, name="later"))
            frozen.send_signal(signal.SIGTERM)
            await harness.wait_settled(351)

    await harness.audit()


COUNT_LOCK_WAITERS = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE application_name = 'paidan-ledger'
       AND datname = current_database()
       AND wait_event_type = 'Lock'
       AND wait_event IN ('transactionid', 'tuple')
"""


async def test_new_owner_waits_for_a_slow_owner_and_sees_its_writes(harness: ConsumerHarness) -> None:
    """An owner that lost Kafka for a moment is still in its transaction: both must not apply the same records."""
    slowly = {"waits_at": GATE, "lock_wait_s": 30.0}
    with harness.start_process(**slowly) as one, harness.start_process(**slowly) as other:
        for actor in (one, other):
            await poll(partial(has_lanes, actor), within_s=30, what="a share")
        async with harness.conn() as gate:
            await gate.execute("SELECT pg_advisory_lock($1)", GATE)
            await harness.send(make_bodies(40), keys=1)

            async def holders() -> list[ConsumerProcess]:
                port = await harness.fetch_number(FIND_LOCK_HOLDER)
                return [actor for actor in (one, other) if port in ports(actor)]

            (slow,) = await poll(holders, what="a session in its transaction")
            slow.send_signal(signal.SIGSTOP)
            await poll(
                lambda: harness.fetch_number(COUNT_LOCK_WAITERS),
                what="a taker that waits for the lane's row",
            )
            slow.send_signal(signal.SIGCONT)
        await harness.wait_settled(40)
        for actor in (one, other):
            actor.send_signal(signal.SIGTERM)  # both finish their running batches, which count
        await poll(lambda: [one.exit_code(), other.exit_code()] == [0, 0], what="both owners' ends")

    await harness.audit()


def has_lanes(actor: ConsumerProcess) -> bool:
    return "lanes_assigned" in actor.log_text()


def ports(actor: ConsumerProcess) -> set[int]:
    """Return the ports that a process has connections from."""
    return {each.laddr.port for each in psutil.Process(actor.process.pid).net_connections()}


async def test_disconnected_owner_discards_its_cache(harness: ConsumerHarness) -> None:
    """Another process owned its lanes for a while: from a stale cache it would emit versions a second time."""
    await harness.send(make_bodies(100))
    with harness.start_process() as first:
        await harness.wait_settled(100)
        first.send_signal(signal.SIGSTOP)
        with harness.start_process():
            await harness.send(make_bodies(100, name="while frozen"))
            await harness.wait_settled(200)
        first.send_signal(signal.SIGCONT)
        await harness.send(make_bodies(100, name="after"))
        await harness.wait_settled(300)

    await harness.audit()


@pytest.mark.parametrize("cut", [CutPoint.BEFORE_SERVER, CutPoint.BEFORE_ANSWER])
async def test_commit_of_unknown_outcome_is_looked_up(harness: ConsumerHarness, cut: CutPoint) -> None:
    """The connection is lost at COMMIT, before or after the server has it: the lane's row shows which."""
    await harness.send(make_bodies(600))
    async with commit_proxy(harness.options.dsn, cut, every=3) as proxy, harness.run_in_process(dsn=proxy.dsn):
        await harness.wait_settled(600)
        assert proxy.cut_count > 0

    await harness.audit()


async def test_rebalances_under_load_neither_lose_nor_duplicate(
    harness: ConsumerHarness, request: pytest.FixtureRequest
) -> None:
    """Members join and leave every second; eager rebalances revoke all lanes in the middle of a batch."""
    await harness.send(make_bodies(1500))
    with harness.start_process(sleep_s=0.05, max_records=40):
        for _ in range(10 if request.config.getoption("--chaos") else 2):
            with harness.start_process(sleep_s=0.05, max_records=40) as passing:
                await poll(lambda: "lanes_assigned" in passing.log_text(), what="a share for the newcomer")
                await asyncio.sleep(0.3)
                passing.send_signal(signal.SIGTERM)
                await poll(lambda: passing.exit_code() is not None, what="its leave")
        await harness.wait_settled(1500, within_s=60)

    await harness.audit()


async def test_killed_in_a_rebalance(harness: ConsumerHarness) -> None:
    """One member is killed while the group rebalances."""
    await harness.send(make_bodies(1500))
    with harness.start_process(sleep_s=0.1, max_records=40):
        await harness.wait_applied(100)
        with harness.start_process(sleep_s=0.1, max_records=40) as killed_process:
            await poll(lambda: "lanes_assigned" in killed_process.log_text(), what="its share")
            with harness.start_process(sleep_s=0.1, max_records=40):
                killed_process.send_signal(signal.SIGKILL)
                await harness.wait_settled(1500, within_s=60)

    await harness.audit()
