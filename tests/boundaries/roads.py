"""Passes one record or request along each of the four main roads, and counts the modules of ours that it enters.

A module counts as entered when one of its functions starts (``sys.setprofile``); comprehensions and lambdas count as
their module. What only runs on import does not count, nor does a coroutine that goes on after a wait, nor what a
library generates and keeps in no file of ours: a dataclass's ``__init__``, a pydantic model that compiled code
validates.

A road runs on a real Kafka and a real PostgreSQL, in this process, with nothing but its own service's parts on it. It
is passed twice unseen, so that connections and caches are warm; the third time counts, from the moment before the
record is sent until what it causes is there and nothing more happens. The sender and the reader at its ends are stock
clients. Loops that run beside a road by a timer of their own are left out with all that they call (``tracer.BESIDE``);
any other loop counts, and a new one has to be named there or kept off the road.

    python -m tests.boundaries.roads [--functions]
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog
from pydantic import SecretStr

from paidan_contracts.topics import CASES, INBOX, answers_topic_of
from paidan_dispatch import app as dispatch
from paidan_intake import app as intake
from paidan_intake.settings import Settings as IntakeSettings
from paidan_scoring import app as scoring
from paidan_scoring.settings import CONSUMER as SCORING_CONSUMER
from paidan_scoring.settings import Settings as ScoringSettings
from tests.boundaries.in_process import (
    answer,
    client_of,
    common_settings,
    new_prefix,
    open_clients,
    open_dispatch,
    process_of,
    running_loops,
)
from tests.boundaries.tracer import PASSES, Calls, measured, modules
from tests.dispatch.database_fixture import build_report, case_id_of
from tests.dispatch.service_client import PROOF
from tests.intake.intake_service import prepared_service
from tests.intake.ticket_payloads import build_ticket
from tests.polling import poll
from tests.scoring import case_histories, database_fixture
from tests.scoring.scoring_service import running_service
from tests.servers import ServerAddresses, fresh_database, run_folder, shared_servers


async def http_to_inbox(servers: ServerAddresses) -> Calls:
    """Send a ticket to intake; it ends with the 202, for which Kafka has acknowledged the report."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        dsn = await stack.enter_async_context(fresh_database(servers))
        rig = await stack.enter_async_context(prepared_service(servers.kafka, dsn, new_prefix(), folder))
        settings = IntakeSettings(
            **common_settings(rig.kafka, dsn, rig.prefix),
            link_key=SecretStr("a secret that signs links in tests"),
            photos=folder / "photos",
        )
        process = process_of("intake", "edge")
        running = await stack.enter_async_context(intake.build(settings, process))
        client = await stack.enter_async_context(client_of(running))
        client.headers["authorization"] = f"Bearer {rig.tokens['hotline']}"

        async def travel(number: int) -> None:
            body = build_ticket(
                source_ref=f"road-{number}",
                matter="投诉",
                text="小区门口垃圾堆了三天，电话13812345678",
                wants_callback=True,
                position={"x": 117.0112, "y": 36.0055, "crs": "gcj02"},
                reporter={"name": "王敏", "phone": "13812345678"},
            )
            answered = await client.post("/v1/tickets", json=body)
            assert answered.status_code == 202, answered.text

        return await measured(travel)


async def inbox_to_case(servers: ServerAddresses) -> Calls:
    """Let dispatch take a report from the inbox; it ends with the case's steps on their topic, dispatched the last."""
    async with open_dispatch(servers, "loop") as service:
        await service.run(dispatch.INBOX_CONSUMER)
        reports = [build_report(f"road {each}", east_m=2000 * each) for each in range(PASSES)]
        cases, bodies = [case_id_of(each) for each in reports], [each.model_dump_json().encode() for each in reports]

        async def travel(number: int) -> None:
            await service.clients.send(INBOX.name, reports[number].area, bodies[number])
            await service.clients.arrives(cases[number], "case.dispatched.v1")

        return await measured(travel)


async def case_to_score(servers: ServerAddresses) -> Calls:
    """Let scoring take a case's step; it ends with the committed fact and tally, from which figures are read."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = await stack.enter_async_context(running_service(servers, new_prefix(), folder))
        settings = ScoringSettings(**common_settings(servers.kafka, made.dsn, made.prefix))
        running = await stack.enter_async_context(scoring.build(settings, process_of("scoring", "loop")))
        await stack.enter_async_context(running_loops(running, SCORING_CONSUMER))
        clients = await stack.enter_async_context(open_clients(servers.kafka, made.prefix))
        conn = await asyncpg.connect(made.dsn)  # the pool of the tests is code of ours
        stack.push_async_callback(conn.close)
        pack = database_fixture.pack_version(database_fixture.pack_bytes())
        states = [
            list(case_histories.history(case_histories.new_case(each, pack=pack), [case_histories.assign("a")]))[-1]
            for each in range(PASSES)
        ]
        bodies = [case_histories.case_event(each).model_dump_json().encode() for each in states]

        async def travel(number: int) -> None:
            await clients.send(CASES.name, states[number].case_id, bodies[number])
            await poll(lambda: _is_counted(conn, states[number].case_id), within_s=60, what="the case is counted")

        return await measured(travel)


async def answer_to_closure(servers: ServerAddresses) -> Calls:
    """Let a department finish by Kafka and an inspector pass it over HTTP; it ends with case.closed on its topic."""
    async with open_dispatch(servers, "loop", "edge") as service:
        await service.run(dispatch.INBOX_CONSUMER, dispatch.ANSWERS_CONSUMER)
        inspector = await service.stage.create_key("role:inspector")
        client = await service.opened.enter_async_context(client_of(service.running))
        client.headers.update(inspector)
        reports = [build_report(f"closing {each}", east_m=2000 * each) for each in range(PASSES)]
        cases, bodies = [case_id_of(each) for each in reports], [each.model_dump_json().encode() for each in reports]
        answers = answers_topic_of("streets").name
        for number, case_id in enumerate(cases):
            await service.clients.send(INBOX.name, reports[number].area, bodies[number])
            await service.clients.arrives(case_id, "case.dispatched.v1")
            await service.clients.send(answers, case_id, answer(case_id, {"kind": "accept"}))
            await service.clients.arrives(case_id, "case.accepted.v1")

        async def travel(number: int) -> None:
            case_id = cases[number]
            await service.clients.send(answers, case_id, answer(case_id, {"kind": "finish", "proof": [PROOF]}))
            await service.clients.arrives(case_id, "case.finished.v1")
            answered = await client.post(
                f"/v1/cases/{case_id}/actions",
                json={"action": {"kind": "inspect", "passed": True}},
                headers={"Idempotency-Key": f"inspect {number}"},
            )
            assert answered.status_code == 202, answered.text
            await service.clients.arrives(case_id, "case.closed.v1")

        return await measured(travel)


async def _is_counted(conn: "asyncpg.Connection[Any]", case_id: str) -> bool:
    return bool(await conn.fetchval("SELECT count(*) > 0 FROM scoring.fact WHERE case_id = $1", case_id))


ROADS: Final[Mapping[str, Callable[[ServerAddresses], Awaitable[Calls]]]] = {
    "http to inbox": http_to_inbox,
    "inbox to case": inbox_to_case,
    "case to score": case_to_score,
    "answer to closure": answer_to_closure,
}


def listing(calls: Calls) -> str:
    """List what was entered, the most called module first."""
    return "\n".join(f"  {number:6d}  {module}" for module, number in modules(calls).most_common())


def _functions(calls: Calls) -> str:
    return "\n".join(f"  {number:6d}  {module}  {name}" for (module, name), number in sorted(calls.items()))


async def _show(servers: ServerAddresses, *, functions: bool) -> None:
    for name, road in ROADS.items():
        calls = await road(servers)
        sys.stdout.write(f"{name}: {len(modules(calls))} modules\n{listing(calls)}\n")
        if functions:
            sys.stdout.write(f"{_functions(calls)}\n")


def main() -> None:
    """Pass every road and list what was entered."""
    parser = argparse.ArgumentParser(description="List the modules that are entered on each road, by number of calls.")
    parser.add_argument("--functions", action="store_true", help="list their functions, too")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with run_folder() as folder:
        asyncio.run(_show(shared_servers(folder), functions=options.functions))


if __name__ == "__main__":
    main()
