"""Several dispatch processes, some frozen, some gone in a rebalance: one story comes out of them."""

import signal

from paidan_deploy.stack.services import DISPATCH
from tests.chaos.audit import audit
from tests.chaos.installation import Works
from tests.chaos.load import Crowd
from tests.chaos.wait_settled import settled
from tests.polling import poll

ONLY_LANES = ("--only", "loop")


async def test_owners_frozen_in_their_transactions_change_nothing_when_they_wake(works: Works) -> None:
    """One freezes idle in its transaction, its successor in the midst of a statement; a third goes on; both wake."""
    crowd = Crowd(works, seed=3, answered=50)
    await works.start()
    works.members["dispatch"].kill()
    first, second, third = (works.member(DISPATCH, called=f"dispatch-{each}") for each in range(3))

    first.start(*ONLY_LANES, dies="dispatch:frozen_idle:1")
    await crowd.report_until(first.is_frozen, name="a")
    second.start(*ONLY_LANES, dies="dispatch:frozen_in_statement:1")
    await crowd.report_until(second.is_frozen, name="b")
    third.start(*ONLY_LANES)
    works.members["dispatch"].start("--only", "edge")
    async with crowd.at_work():
        await crowd.report_until(lambda: third.said().count("batch_applied") > 3, name="c")
        written = await works.value("SELECT count(*) FROM history")
        for woken in (first, second):
            woken.send(signal.SIGCONT)
        await crowd.report(200, name="d")
        await poll(lambda: "batch_delayed" in first.said(), within_s=60, what="the first one's discovery")
        await poll(lambda: "batch_delayed" in second.said(), within_s=60, what="the second one's discovery")
    await settled(works)

    await audit(works, crowd)
    assert "frozen_owner_terminated" in third.said()
    # Whoever was frozen for over a minute may end itself as stalled: loudly, and its supervisor starts it again.
    assert {first.code, second.code} <= {None, 70}
    assert third.code is None
    assert await works.value("SELECT count(*) FROM history") > written


async def test_rebalances_under_load_and_one_while_postgresql_is_away(works: Works, *, at_length: bool) -> None:
    crowd = Crowd(works, seed=4, answered=30)
    await works.start()
    passing = works.member(DISPATCH, called="passing")
    regular = works.members["dispatch"]

    async with crowd.at_work():
        for turn in range(12 if at_length else 3):
            # Newcomers leave in order, die, and die while the database is away, in turn.
            seen = passing.said().count("lanes_assigned")
            passing.start(*ONLY_LANES)
            await crowd.report_until(
                lambda seen=seen: passing.said().count("lanes_assigned") >= seen + 2,  # type: ignore[misc]
                name=f"in{turn}.",
            )
            seen = regular.said().count("lanes_assigned")
            if turn % 3 == 2:
                works.postgres.kill()
            passing.send(signal.SIGTERM if turn % 3 == 0 else signal.SIGKILL)
            await poll(
                lambda seen=seen: regular.said().count("lanes_assigned") > seen,  # type: ignore[misc]
                within_s=60,
                what="a rebalance without the newcomer",
            )
            if turn % 3 == 2:
                works.postgres.start()
            await crowd.report(60, name=f"out{turn}.")
            passing.kill()
        regular.kill()
        regular.start(dies="dispatch:in_rebalance:0")
        await regular.ready()
        passing.start(*ONLY_LANES)
        await crowd.report_until(lambda: regular.code == -signal.SIGKILL, name="dies")
        regular.start()
    await settled(works)

    await audit(works, crowd)
    assert passing.code is None
