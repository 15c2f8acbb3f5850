"""Kafka and PostgreSQL are killed under load and come back: services mend themselves, and nothing is lost."""

import asyncio

from tests.chaos.audit import audit
from tests.chaos.installation import Works
from tests.chaos.load import Crowd
from tests.chaos.wait_settled import settled
from tests.polling import poll


async def test_servers_killed_under_load_are_waited_out(works: Works, *, at_length: bool) -> None:
    crowd = Crowd(works, seed=5, answered=30)
    await works.start()
    rounds = 5 if at_length else 1
    over = False

    async def outages() -> None:
        nonlocal over
        for _ in range(rounds):
            for server in (works.postgres, works.kafka):
                before, refused = crowd.delivered, crowd.turned_away
                await poll(lambda before=before: crowd.delivered > before + 100, within_s=120, what="load")  # type: ignore[misc]
                await asyncio.to_thread(server.kill)
                await poll(lambda refused=refused: crowd.turned_away > refused, within_s=60, what="503")  # type: ignore[misc]
                await asyncio.to_thread(server.start)
        over = True

    async with crowd.at_work(), asyncio.TaskGroup() as group:
        group.create_task(outages())
        # Apart: while cameras wait for Kafka, somebody has to ask intake and be turned away.
        group.create_task(crowd.report_until(lambda: over, name="s", at_once=30, alarms_of_4=0))
        group.create_task(crowd.report_until(lambda: over, name="a", at_once=10, alarms_of_4=4))
    await settled(works)

    assert {name: member.code for name, member in works.members.items()} == dict.fromkeys(works.members)
    for member in works.members.values():
        await member.ready()
    await audit(works, crowd)
    assert crowd.turned_away >= 2 * rounds, "while a server is away nobody is told 2xx"
