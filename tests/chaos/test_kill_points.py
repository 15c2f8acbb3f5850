"""Real services die at every window of a batch and in its commit; their successors lose nothing and repeat nothing."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack

from paidan_deploy.stack.services import DISPATCH, INTAKE, SCORING
from tests.chaos.audit import audit
from tests.chaos.installation import Works
from tests.chaos.load import Crowd
from tests.chaos.service_process import Member
from tests.chaos.wait_settled import settled
from tests.chassis.commit_proxy import Cut, cutting_proxy
from tests.polling import poll

# The second of two deaths before publishing comes with the first one's rows in the outbox.
WINDOWS = ("before_commit", "after_commit", "before_publish", "before_publish", "after_publish")
FATES = {
    "dispatch": [
        *(f"dispatch:{window}:2" for window in WINDOWS),
        "dispatch-desk:before_publish:1",
        "dispatch-desk:after_publish:1",
    ],
    "intake": ["intake-alarms:after_commit:0", "intake-alarms:after_publish:0", "intake-standing:before_commit:1"],
    "scoring": ["scoring:before_commit:1", "scoring:after_commit:1"],
}
TO_COMMIT = ("before_commit", "after_commit")
LONG_FATES = {
    "dispatch": [f"{name}:{each}:{n}" for name in ("dispatch", "dispatch-desk") for each in WINDOWS for n in (0, 3)],
    "intake": [
        *(f"intake-alarms:{each}:{n}" for each in WINDOWS for n in (0, 2)),
        *(f"intake-standing:{each}:{n}" for each in TO_COMMIT for n in (0, 2)),
    ],
    "scoring": [f"scoring:{each}:{n}" for each in TO_COMMIT for n in (0, 1, 2, 3)],
}


# A deferred trigger has its turn inside COMMIT.
HELD_AT_COMMIT = """
    CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(42);
        RETURN NULL;
    END
    $$;
    CREATE CONSTRAINT TRIGGER held AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.consumer = 'dispatch') EXECUTE FUNCTION held();
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def live_out(member: Member, fates: Sequence[str]) -> None:
    """Die in one window after the other, and live on."""
    for fate in fates:
        member.start(dies=fate)
        assert await member.ends(within_s=180) == -signal.SIGKILL, f"{fate}: {member.said()[-3000:]}"
    member.start()
    await member.ready()


async def test_death_in_every_window_loses_nothing_and_repeats_nothing(works: Works, *, at_length: bool) -> None:
    fates = LONG_FATES if at_length else FATES
    crowd = Crowd(works, seed=1, answered=50)
    lives = [
        asyncio.create_task(live_out(works.member(each), fates[each.name])) for each in (INTAKE, DISPATCH, SCORING)
    ]

    async with crowd.at_work():
        await crowd.report_until(lambda: all(life.done() for life in lives), name="w")
        await asyncio.gather(*lives)
    await settled(works)

    await audit(works, crowd)
    assert crowd.replied > 10


async def test_commits_whose_outcome_nobody_knows_are_looked_up(works: Works, *, at_length: bool) -> None:
    """Every so often a connection dies at COMMIT, before the server has it or before its answer is through."""
    cuts = {
        INTAKE: (Cut.BEFORE_ANSWER, 7),
        DISPATCH: (Cut.BEFORE_ANSWER, 5),
        SCORING: (Cut.BEFORE_SERVER, 4),
    }
    crowd = Crowd(works, seed=2, answered=50)
    for turn in range(2 if at_length else 1):
        async with AsyncExitStack() as proxies:
            opened = []
            for service, (cut, every) in cuts.items():
                side = (
                    cut
                    if turn == 0
                    else {Cut.BEFORE_ANSWER: Cut.BEFORE_SERVER, Cut.BEFORE_SERVER: Cut.BEFORE_ANSWER}[cut]
                )
                opened.append(
                    await proxies.enter_async_context(cutting_proxy(works.dsn_of(service), side, every=every))
                )
                works.member(service, dsn=opened[-1].dsn)
            await works.start()
            async with crowd.at_work():
                await crowd.report_until(lambda: all(each.cuts > 2 for each in opened), name=f"c{turn}-")  # noqa: B023 - called here
            await settled(works)
            assert all(member.code is None for member in works.members.values()), "an unknown outcome ends nobody"
            works.end()

    await audit(works, crowd)


async def test_nothing_is_said_before_it_is_committed(works: Works) -> None:
    """PostgreSQL is made to wait at COMMIT: nobody may hear of a step that may yet never have been."""
    crowd = Crowd(works, seed=8)
    await works.start()
    async with works.conn() as holder:
        await holder.execute("SELECT pg_advisory_lock(42)")
        await holder.execute(HELD_AT_COMMIT)
        await crowd.report(40)
        await poll(lambda: works.value(WAITING), within_s=60, what="a batch that waits at its commit")
        heard = [await works.read("paidan.cases") for _ in range(10)]
        assert heard == [[]] * 10
    await settled(works)

    await audit(works, crowd)
