"""A process is killed with -9 at every window of a batch; its successor loses nothing and repeats nothing."""

import signal

import pytest

from tests.chassis.consumer_harness import Actor, Stage, bodies
from tests.chassis.sample_consumer import Death
from tests.polling import poll

WINDOWS: tuple[Death, ...] = ("applying", "carrying", "carried")


async def killed(actor: Actor) -> None:
    """Wait until the actor has killed itself."""
    await poll(lambda: actor.ended() == -signal.SIGKILL, within_s=30, what="the actor's death")


@pytest.mark.parametrize("window", WINDOWS)
async def test_a_kill_at_any_window_loses_nothing_and_repeats_nothing(stage: Stage, window: Death) -> None:
    """Before commit: replayed. After commit and before relay, or after publishing: relayed by the successor."""
    await stage.send(bodies(1500))
    with stage.actor(dies=window, dies_after=700) as victim:
        await killed(victim)

    with stage.actor():
        await stage.settled(1500)

    await stage.audit()


async def test_successor_relays_what_its_predecessor_had_said_before_anything_of_its_own(stage: Stage) -> None:
    """Readers see first appearances in order, although the first owner published nothing of what it committed."""
    await stage.send(bodies(300))
    with stage.actor(dies="carrying", dies_after=0) as victim:
        await killed(victim)
    committed, said = await stage.balance(), await stage.unrelayed()
    assert committed > 0
    assert said == committed

    with stage.actor():
        await stage.settled(300)

    await stage.audit()


async def test_repeated_kills_under_load_still_add_up(stage: Stage, request: pytest.FixtureRequest) -> None:
    """Each life gets a little further than the one before."""
    rounds = 4 if request.config.getoption("--chaos") else 1
    await stage.send(bodies(1000 * rounds))
    for life, window in enumerate(WINDOWS * rounds):
        with stage.actor(dies=window, dies_after=150 + 37 * life) as victim:
            await killed(victim)

    with stage.actor():
        await stage.settled(1000 * rounds)

    await stage.audit()
