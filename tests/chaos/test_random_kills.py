"""Services are killed with -9 at random moments under load; what comes out is what would have come out without."""

import asyncio
import random
from collections.abc import Iterator

from tests.chaos.audit import audit
from tests.chaos.installation import Works
from tests.chaos.load import Crowd
from tests.chaos.wait_settled import settled
from tests.polling import poll

SERVICES = ("intake", "dispatch", "scoring")
REPORTS = 5000
SEED = 20260302


def victims(chance: random.Random, kills: int) -> Iterator[str]:
    """Name who dies next: everybody once in a while, in no order."""
    for start in range(0, kills, len(SERVICES)):
        yield from chance.sample(SERVICES, min(len(SERVICES), kills - start))


async def havoc(works: Works, crowd: Crowd, *, kills: int, reports: int) -> None:
    """Kill one service after the other, each when so much of the load is through, and start it again."""
    chance = random.Random(SEED)  # noqa: S311 - a test has to be repeatable, not secret
    marks = sorted(chance.randrange(reports // 20, reports * 9 // 10) for _ in range(kills))
    for mark, victim in zip(marks, victims(chance, kills), strict=True):
        await poll(lambda mark=mark: crowd.delivered >= mark, within_s=300, what=f"{mark} reports")  # type: ignore[misc]
        await asyncio.sleep(chance.random())  # not a wait for anything: the moment of death is to be any
        member = works.members[victim]
        assert member.code is None, member.said()[-3000:]
        member.kill()
        member.start()
        if chance.random() < 0.5:
            await member.ready()


async def test_random_kills_under_load_lose_nothing_and_repeat_nothing(works: Works, *, at_length: bool) -> None:
    kills, reports = (50, 5 * REPORTS) if at_length else (5, REPORTS)
    crowd = Crowd(works, SEED, answered=100 if at_length else 30)
    await works.start()

    async with crowd.at_work(), asyncio.TaskGroup() as group:
        group.create_task(crowd.report(reports))
        group.create_task(havoc(works, crowd, kills=kills, reports=reports))
    for member in works.members.values():
        await member.ready()
    await works.pass_time(20)  # the accept clocks of what nobody answered run out
    await settled(works)

    logs = await audit(works, crowd)
    await works.stop()
    assert len({each["case_id"] for each in logs.bodies("paidan.cases")}) > reports // 20
    assert crowd.replied > 100
    assert crowd.inspected > 20
