"""One sender's malformed records, and a halted loop, cost nobody else anything: every ticket has its 202 and a case."""

import asyncio
import itertools
import json
import random
import time
from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from paidan_chassis.consumer import halts, senders
from paidan_chassis.kafka.cloudevents import Headers
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.topics import ALARMS
from paidan_deploy.services import SERVICES
from tests.chaos.installation import ChaosInstallation
from tests.chaos.payloads import build_alarm, build_ticket
from tests.chaos.wait_settled import wait_settled
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=40)

TICKETS_PER_S: Final = 200
MALFORMED: Final = (
    b'{"type": "alarm.raised.v1", "confidence": 93}',
    b'{"type": "alarm.raised.v1", "source": null, "alarm_ref": "1"}',
    b"camera 7: fire",
)
"""None names its source in a way that it could be answered; the header tells who sends them."""
SENT_BY_CAMERA: Final = (("ce_source", b"camera"),)
DECIDED: Final = """
    SELECT count(*)
      FROM outcome
     WHERE id = ANY($1::uuid[])
       AND result IN ('opened', 'merged')
"""


async def test_malformed_alarms_by_the_thousand_cost_no_ticket(
    installation: ChaosInstallation, *, full_run: bool
) -> None:
    seconds, malformed = (60, 30_000) if full_run else (4, 1500)
    await start(installation, dead_letter_limit="100")
    sound = [build_alarm(random.Random(at), f"sound {at}") for at in range(20)]  # noqa: S311 - repeatable

    async with asyncio.TaskGroup() as group:
        group.create_task(
            send_alarms(installation, itertools.islice(itertools.cycle(MALFORMED), malformed), SENT_BY_CAMERA)
        )
        tickets = group.create_task(send_tickets(installation, seconds=seconds))
    await send_alarms(installation, (json.dumps(each).encode() for each in sound))
    await wait_settled(installation)

    report_ids = tickets.result()
    assert len(report_ids) == seconds * TICKETS_PER_S
    assert await installation.fetch_value(DECIDED, report_ids) == len(report_ids)
    assert await readiness(installation) == (200, {})
    async with installation.conn("intake") as conn:
        [set_aside] = await senders.set_aside_senders(conn, "intake-alarms")
        kept = await conn.fetchval("SELECT count(*) FROM dead_letter")
        screened = await conn.fetchval("SELECT count(*) FROM vault WHERE source = 'camera'")
    assert (set_aside.sender, set_aside.counted + kept) == ("camera", malformed)
    assert kept <= len(set_aside.partitions) * 100 + malformed / senders.KEPT_ONE_IN
    assert screened == len(sound)


async def test_halted_loop_leaves_the_edge_taking_tickets_until_it_is_resumed(installation: ChaosInstallation) -> None:
    async with installation.conn("intake") as conn:
        await halts.record(conn, "intake-alarms", "topic_changed", "planted")
    await start(installation)
    await poll(lambda: is_halted(installation), within_s=60, what="the loop is halted")

    report_ids = await send_tickets(installation, seconds=1)
    await poll(lambda: _are_decided(installation, report_ids), within_s=60, what="a case for every ticket")

    status, waits_for = await readiness(installation)
    assert status == 503
    assert "topic_changed" in waits_for.pop("intake-alarms")
    assert waits_for == {}
    process = installation.processes["intake"].process
    async with installation.conn("intake") as conn:
        assert await halts.resume(conn) == 1
    await installation.processes["intake"].wait_until_ready()
    assert installation.processes["intake"].process is process
    assert installation.processes["intake"].exit_code is None


async def start(installation: ChaosInstallation, **intake_settings: str) -> None:
    """Start the services and wait until their edges serve."""
    for service in SERVICES:
        if service.name == "intake":
            installation.new_process(service).start(**intake_settings)  # type: ignore[arg-type] # settings alone
        else:
            installation.new_process(service).start()
    for process in installation.processes.values():
        await poll(lambda url=process.url: _serves(url), within_s=90, what=f"{process.name} serves")  # type: ignore[misc]


async def _serves(url: str) -> bool:
    await asyncio.sleep(0.1)  # a check uses CPU that start-up needs
    try:
        async with httpx.AsyncClient(verify=False, timeout=5) as client:
            return (await client.get(f"{url}/readyz/edge")).status_code == 200
    except httpx.HTTPError:
        return False


async def readiness(installation: ChaosInstallation) -> tuple[int, dict[str, str]]:
    """Return the status of intake's readiness, and what it waits for."""
    async with httpx.AsyncClient(verify=False, timeout=5) as client:
        answer = await client.get(f"{installation.processes['intake'].url}/readyz")
    return answer.status_code, answer.json()["waits_for"]


async def is_halted(installation: ChaosInstallation) -> bool:
    return "intake-alarms" in (await readiness(installation))[1] and (await readiness(installation))[0] == 503


async def _are_decided(installation: ChaosInstallation, report_ids: list[str]) -> bool:
    decided: int = await installation.fetch_value(DECIDED, report_ids)
    return decided == len(report_ids)


async def send_alarms(installation: ChaosInstallation, values: Iterator[bytes], headers: Headers = ()) -> None:
    async with Publisher(installation.cluster, client_id="camera-platform") as publisher:
        while chosen := list(itertools.islice(values, 500)):
            await publisher.send(
                [Message(ALARMS.name, f"c{at % 7}", value, headers) for at, value in enumerate(chosen)]
            )


async def send_tickets(installation: ChaosInstallation, *, seconds: int) -> list[str]:
    """Send tickets at an even pace, whatever the answers take, and return their report ids; each must be 202."""
    rng = random.Random(1)  # noqa: S311 - repeatable
    started = time.monotonic()
    async with installation.client("intake", "hotline") as client:
        sending: list[asyncio.Task[str]] = []
        for number in range(seconds * TICKETS_PER_S):
            await asyncio.sleep(max(0.0, started + number / TICKETS_PER_S - time.monotonic()))
            sending.append(asyncio.create_task(_send_ticket(client, rng, f"paced {number}")))
        return list(await asyncio.gather(*sending))


async def _send_ticket(client: httpx.AsyncClient, rng: random.Random, ref: str) -> str:
    answer = await client.post("/v1/tickets", json=build_ticket(rng, ref))
    assert answer.status_code == 202, answer.text
    report_id: str = answer.json()["report_id"]
    return report_id
