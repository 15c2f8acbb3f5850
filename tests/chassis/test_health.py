"""Health is progress: each way in which a loop can stand still, and each in which it only seems to."""

import asyncio

import pytest

from paidan_chassis.errors import Stalled
from paidan_chassis.observability.health import Health, Progress
from paidan_chassis.observability.metrics import Metrics
from tests.polling import poll


class Machine:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        """Let this time pass."""
        self.now += seconds


@pytest.fixture
def machine() -> Machine:
    """Let the test say what time it is."""
    return Machine()


@pytest.fixture
def health(machine: Machine) -> Health:
    """Give the health of a process whose loops stall after a minute."""
    return Health(Metrics("library"), stalls_after_s=60, looks_every_s=0.001, ticks=machine)


@pytest.fixture
def inbox(health: Health) -> Progress:
    """Give one loop that has polled once."""
    progress = health.loop("inbox")
    progress.polled()
    return progress


def why(health: Health) -> str | None:
    """Say why the first loop counts as stalled."""
    return health.states()[0].stalled


def test_a_quiet_loop_is_healthy(health: Health, inbox: Progress, machine: Machine) -> None:
    for _ in range(100):
        machine.passes(30)
        inbox.polled()

    assert health.alive()
    assert health.unready() == {}


def test_a_loop_that_polls_no_more_is_stalled(health: Health, inbox: Progress, machine: Machine) -> None:
    machine.passes(61)

    assert "no sign of life" in str(why(health))
    assert not health.alive()
    assert "inbox" in health.unready()


def test_a_loop_that_never_polled_is_not_ready_and_in_time_stalled(health: Health, machine: Machine) -> None:
    health.loop("inbox")

    assert health.unready() == {"inbox": "has not polled yet"}
    assert health.alive()
    machine.passes(61)
    assert not health.alive()


def test_a_loop_that_polls_nothing_while_records_wait_is_stalled(
    health: Health, inbox: Progress, machine: Machine
) -> None:
    """aiokafka #1154: after a broker's restart a consumer may poll nothing for ever."""
    inbox.behind(7)
    for _ in range(7):
        machine.passes(10)
        inbox.polled()
        inbox.behind(7)

    assert "7 records wait" in str(why(health))


def test_a_loop_that_works_off_a_backlog_is_healthy(health: Health, inbox: Progress, machine: Machine) -> None:
    for left in range(1000, 0, -1):
        inbox.behind(left)
        inbox.took(10)
        machine.passes(30)
        inbox.committed()

    assert health.alive()


def test_a_backlog_that_appears_after_a_quiet_night_has_its_own_minute(
    health: Health, inbox: Progress, machine: Machine
) -> None:
    machine.passes(50)
    inbox.polled()
    machine.passes(50)
    inbox.polled()
    inbox.behind(1)

    assert health.alive()


def test_a_loop_that_waits_for_a_database_is_alive_and_not_ready(
    health: Health, inbox: Progress, machine: Machine
) -> None:
    """A restart would not bring the database back; taking more in would not help either."""
    inbox.behind(7)
    inbox.took(7)
    for _ in range(10):
        machine.passes(30)
        inbox.retrying("ConnectionRefusedError")

    assert health.alive()
    assert health.unready() == {"inbox": "ConnectionRefusedError"}
    inbox.committed()
    assert health.unready() == {}


def test_readiness_does_not_flicker_while_kafka_answers_and_the_database_does_not(
    health: Health, inbox: Progress, machine: Machine
) -> None:
    for _ in range(20):
        inbox.retrying("ConnectionRefusedError")
        machine.passes(1)
        inbox.polled()
        assert health.unready() == {"inbox": "ConnectionRefusedError"}

    machine.passes(6)
    inbox.polled()
    assert health.unready() == {}


def test_a_batch_that_never_ends_is_stalled(health: Health, inbox: Progress, machine: Machine) -> None:
    inbox.took(7)

    machine.passes(61)

    assert not health.alive()


async def test_the_watch_raises_and_names_the_loop(health: Health, inbox: Progress, machine: Machine) -> None:
    machine.passes(61)

    with pytest.raises(Stalled) as raised:
        await health.watch()

    assert raised.value.loop == "inbox"


async def test_a_process_that_was_frozen_gets_time_to_wake_up(
    health: Health, inbox: Progress, machine: Machine
) -> None:
    """After a laptop's sleep every loop looks stalled, and none is."""
    looks: list[bool] = []

    def look(_metrics: Metrics) -> None:
        looks.append(health.alive())
        inbox.polled()
        asyncio.get_running_loop().call_soon(machine.passes, 300 if len(looks) == 1 else 1)

    inbox.shows(look)
    watching = asyncio.ensure_future(health.watch())

    await poll(lambda: len(looks) >= 3 or watching.done(), what="the watch looks three times")

    assert not watching.done()
    assert looks[:3] == [True, True, True]
    watching.cancel()


def test_readiness_can_need_more_than_loops(health: Health, inbox: Progress) -> None:
    caught_up = False
    health.needs("caught_up", lambda: caught_up)

    assert health.unready() == {"caught_up": "not yet"}
    caught_up = True
    assert health.unready() == {}
