"""Health by progress: how a loop can stall, and when it only seems to."""

import asyncio

import pytest

from paidan_chassis.errors import Stalled
from paidan_chassis.observability.health import Health, LoopProgress
from paidan_chassis.observability.metrics import Metrics
from tests.polling import poll


class FakeTime:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds


@pytest.fixture
def fake_time() -> FakeTime:
    """Return a clock that the test moves."""
    return FakeTime()


@pytest.fixture
def health(fake_time: FakeTime) -> Health:
    """Return the health of a process whose loops stall after a minute."""
    return Health(Metrics("library"), stalls_after_s=60, check_interval_s=0.001, monotonic=fake_time)


@pytest.fixture
def inbox(health: Health) -> LoopProgress:
    """Return a loop that has polled once."""
    progress = health.register_loop("inbox")
    progress.record_poll()
    return progress


def stall_reason(health: Health) -> str | None:
    """Return why the first loop is stalled."""
    return health.states()[0].stall_reason


def test_a_quiet_loop_is_healthy(health: Health, inbox: LoopProgress, fake_time: FakeTime) -> None:
    for _ in range(100):
        fake_time.advance(30)
        inbox.record_poll()

    assert health.is_alive()
    assert health.unready_reasons() == {}


def test_loop_that_stops_polling_is_stalled(health: Health, inbox: LoopProgress, fake_time: FakeTime) -> None:
    fake_time.advance(61)

    assert "no activity" in str(stall_reason(health))
    assert not health.is_alive()
    assert "inbox" in health.unready_reasons()


def test_loop_that_never_polled_is_unready_then_stalled(health: Health, fake_time: FakeTime) -> None:
    health.register_loop("inbox")

    assert health.unready_reasons() == {"inbox": "has not polled yet"}
    assert health.is_alive()
    fake_time.advance(61)
    assert not health.is_alive()


def test_loop_without_progress_on_a_backlog_is_stalled(
    health: Health, inbox: LoopProgress, fake_time: FakeTime
) -> None:
    """aiokafka #1154: after a broker's restart a consumer may poll nothing for ever."""
    inbox.set_lag(7)
    for _ in range(7):
        fake_time.advance(10)
        inbox.record_poll()
        inbox.set_lag(7)

    assert "7 records wait" in str(stall_reason(health))


def test_loop_reducing_a_backlog_is_healthy(health: Health, inbox: LoopProgress, fake_time: FakeTime) -> None:
    for left in range(1000, 0, -1):
        inbox.set_lag(left)
        fake_time.advance(30)
        inbox.record_commit()

    assert health.is_alive()


def test_new_backlog_after_idle_time_gets_a_full_timeout(
    health: Health, inbox: LoopProgress, fake_time: FakeTime
) -> None:
    fake_time.advance(50)
    inbox.record_poll()
    fake_time.advance(50)
    inbox.record_poll()
    inbox.set_lag(1)

    assert health.is_alive()


def test_loop_waiting_for_the_database_is_alive_but_unready(
    health: Health, inbox: LoopProgress, fake_time: FakeTime
) -> None:
    """A restart would not bring the database back; taking more in would not help either."""
    inbox.set_lag(7)
    for _ in range(10):
        fake_time.advance(30)
        inbox.record_retry("ConnectionRefusedError")

    assert health.is_alive()
    assert health.unready_reasons() == {"inbox": "ConnectionRefusedError"}
    inbox.record_commit()
    assert health.unready_reasons() == {}


def test_readiness_does_not_flicker_while_kafka_answers_and_the_database_does_not(
    health: Health, inbox: LoopProgress, fake_time: FakeTime
) -> None:
    for _ in range(20):
        inbox.record_retry("ConnectionRefusedError")
        fake_time.advance(1)
        inbox.record_poll()
        assert health.unready_reasons() == {"inbox": "ConnectionRefusedError"}

    fake_time.advance(6)
    inbox.record_poll()
    assert health.unready_reasons() == {}


async def test_watch_raises_naming_the_stalled_loop(health: Health, inbox: LoopProgress, fake_time: FakeTime) -> None:
    fake_time.advance(61)

    with pytest.raises(Stalled) as raised:
        await health.watch_loops()

    assert raised.value.loop == "inbox"


async def test_resumed_process_gets_a_grace_period(health: Health, inbox: LoopProgress, fake_time: FakeTime) -> None:
    """After a laptop's sleep every loop looks stalled, and none is."""
    looks: list[bool] = []

    def look(_metrics: Metrics) -> None:
        looks.append(health.is_alive())
        inbox.record_poll()
        asyncio.get_running_loop().call_soon(fake_time.advance, 300 if len(looks) == 1 else 1)

    inbox.on_collect(look)
    watching = asyncio.ensure_future(health.watch_loops())

    await poll(lambda: len(looks) >= 3 or watching.done(), what="the watch looks three times")

    assert not watching.done()
    assert looks[:3] == [True, True, True]
    watching.cancel()


def test_readiness_can_require_further_conditions(health: Health, inbox: LoopProgress) -> None:
    caught_up = False
    health.require("caught_up", lambda: caught_up)

    assert health.unready_reasons() == {"caught_up": "not yet"}
    caught_up = True
    assert health.unready_reasons() == {}


def test_a_halted_loop_is_named_and_is_not_stalled(health: Health, inbox: LoopProgress, fake_time: FakeTime) -> None:
    """Its process does other work: ending that would help nobody."""
    inbox.set_lag(7)
    assert health.halt_loop("inbox", "topic_changed")
    assert not health.halt_loop("inbox", "topic_changed")
    fake_time.advance(3600)

    assert health.is_alive()
    assert health.halted_loops() == {"inbox": "topic_changed"}
    assert health.unready_reasons() == {"inbox": "halted: topic_changed"}


def test_a_resumed_loop_has_its_whole_time_before_it_counts_as_stalled(
    health: Health, inbox: LoopProgress, fake_time: FakeTime
) -> None:
    inbox.set_lag(7)
    health.halt_loop("inbox", "topic_changed")
    fake_time.advance(3600)

    inbox.record_poll()

    assert health.halted_loops() == {}
    assert health.is_alive()
    fake_time.advance(61)
    assert not health.is_alive()


def test_a_loop_of_which_a_part_is_held_is_not_ready(health: Health, inbox: LoopProgress) -> None:
    inbox.hold("lane paidan.inbox-3 is halted")

    assert health.unready_reasons() == {"inbox": "lane paidan.inbox-3 is halted"}
    assert health.is_alive()
    inbox.hold(None)
    assert health.unready_reasons() == {}
