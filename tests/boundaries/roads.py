"""Passes one record or request along each of the four main roads, and counts the modules of ours that are entered.

A module is entered when one of its functions is called (``sys.setprofile``), comprehensions and lambdas included. Code
that only runs on import does not count, nor does a coroutine that resumes after a wait, nor code that a library
generates outside our files: a dataclass's ``__init__``, a pydantic model that compiled code validates.

A road runs on a real Kafka and a real PostgreSQL, in this process, with only its own service's parts. It is passed
twice uncounted, so that connections and caches are warm; the third pass counts, from just before the record is sent
until its effect is visible and no more functions are called. The clients at both ends are stock clients. Loops that run
in the background on a timer of their own are left out with everything they call (``tracer.BACKGROUND``); every other
loop counts, and a new one has to be listed there or left off the road.

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
    client_of,
    common_settings,
    encode_answer,
    new_prefix,
    open_clients,
    open_dispatch,
    process_of,
    running_loops,
)
from tests.boundaries.tracer import PASSES, Calls, count_calls, modules_entered
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.intake.intake_service import prepared_service
from tests.intake.ticket_payloads import build_ticket
from tests.polling import poll
from tests.scoring import case_histories, database_fixture
from tests.scoring.scoring_service import running_service
from tests.servers import ServerAddresses, fresh_database, run_folder, shared_servers


async def http_to_inbox(servers: ServerAddresses) -> Calls:
    """Send a ticket to intake; the road ends with the 202, which follows Kafka's acknowledgement of the report."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        dsn = await stack.enter_async_context(fresh_database(servers))
        service = await stack.enter_async_context(prepared_service(servers.kafka, dsn, new_prefix(), folder))
        settings = IntakeSettings(
            **common_settings(service.kafka, dsn, service.prefix),
            link_key=SecretStr("a secret that signs links in tests"),
            photos=folder / "photos",
        )
        parts = await stack.enter_async_context(intake.build(settings, process_of("intake", "edge")))
        client = await stack.enter_async_context(client_of(parts))
        client.headers["authorization"] = f"Bearer {service.tokens['hotline']}"

        async def pass_once(number: int) -> None:
            body = build_ticket(
                source_ref=f"road-{number}",
                matter="投诉",
                text="小区门口垃圾堆了三天，电话13812345678",
                wants_callback=True,
                position={"x": 117.0112, "y": 36.0055, "crs": "gcj02"},
                reporter={"name": "王敏", "phone": "13812345678"},
            )
            response = await client.post("/v1/tickets", json=body)
            assert response.status_code == 202, response.text

        return await count_calls(pass_once)


async def inbox_to_case(servers: ServerAddresses) -> Calls:
    """Let dispatch decide a report from the inbox; the road ends with case.opened on its topic: it is dispatched."""
    async with open_dispatch(servers, "loop") as opened:
        await opened.run(dispatch.INBOX_CONSUMER)
        reports = [build_report(f"road {each}", east_m=2000 * each) for each in range(PASSES)]
        cases, bodies = [case_id_of(each) for each in reports], [each.model_dump_json().encode() for each in reports]

        async def pass_once(number: int) -> None:
            await opened.clients.send(INBOX.name, reports[number].area, bodies[number])
            await opened.clients.wait_for_event(cases[number], "case.opened.v1")

        return await count_calls(pass_once)


async def case_to_score(servers: ServerAddresses) -> Calls:
    """Let scoring apply a case's event; the road ends with the committed fact and tally, from which scores are read."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        service = await stack.enter_async_context(running_service(servers, new_prefix(), folder))
        settings = ScoringSettings(**common_settings(servers.kafka, service.dsn, service.prefix))
        parts = await stack.enter_async_context(scoring.build(settings, process_of("scoring", "loop")))
        await stack.enter_async_context(running_loops(parts, SCORING_CONSUMER))
        clients = await stack.enter_async_context(open_clients(servers.kafka, service.prefix))
        conn = await asyncpg.connect(service.dsn)  # the tests' pool is our code
        stack.push_async_callback(conn.close)
        pack = database_fixture.pack_version(database_fixture.pack_bytes())
        states = [
            list(case_histories.history(case_histories.new_case(each, pack=pack), [case_histories.assign("a")]))[-1]
            for each in range(PASSES)
        ]
        bodies = [case_histories.case_event(each).model_dump_json().encode() for each in states]

        async def pass_once(number: int) -> None:
            await clients.send(CASES.name, states[number].case_id, bodies[number])
            await poll(lambda: _has_fact(conn, states[number].case_id), within_s=60, what="the case's fact")

        return await count_calls(pass_once)


async def answer_to_closure(servers: ServerAddresses) -> Calls:
    """Let a department finish over Kafka and an inspector pass over HTTP; the road ends with case.closed."""
    async with open_dispatch(servers, "loop", "edge") as opened:
        await opened.run(dispatch.INBOX_CONSUMER, dispatch.ANSWERS_CONSUMER)
        inspector = await opened.service.create_key("role:inspector")
        client = await opened.exit_stack.enter_async_context(client_of(opened.parts))
        client.headers.update(inspector)
        reports = [build_report(f"closing {each}", east_m=2000 * each) for each in range(PASSES)]
        cases, bodies = [case_id_of(each) for each in reports], [each.model_dump_json().encode() for each in reports]
        answers, proofs = answers_topic_of("streets").name, list[str]()
        for number, case_id in enumerate(cases):
            await opened.clients.send(INBOX.name, reports[number].area, bodies[number])
            await opened.clients.wait_for_event(case_id, "case.opened.v1")
            await opened.clients.send(answers, case_id, encode_answer(case_id, {"kind": "accept"}))
            await opened.clients.wait_for_event(case_id, "case.accepted.v1")
            proofs.append(await opened.service.store_proof(case_id))

        async def pass_once(number: int) -> None:
            case_id = cases[number]
            await opened.clients.send(
                answers, case_id, encode_answer(case_id, {"kind": "finish", "proof": [proofs[number]]})
            )
            await opened.clients.wait_for_event(case_id, "case.finished.v1")
            response = await client.post(
                f"/v1/cases/{case_id}/actions",
                json={"action": {"kind": "inspect", "passed": True}},
                headers={"Idempotency-Key": f"inspect {number}"},
            )
            assert response.status_code == 202, response.text
            await opened.clients.wait_for_event(case_id, "case.closed.v1")

        return await count_calls(pass_once)


async def _has_fact(conn: "asyncpg.Connection[Any]", case_id: str) -> bool:
    return bool(await conn.fetchval("SELECT count(*) > 0 FROM scoring.fact WHERE case_id = $1", case_id))


ROADS: Final[Mapping[str, Callable[[ServerAddresses], Awaitable[Calls]]]] = {
    "http to inbox": http_to_inbox,
    "inbox to case": inbox_to_case,
    "case to score": case_to_score,
    "answer to closure": answer_to_closure,
}


def list_modules(calls: Calls) -> str:
    """Return the entered modules as lines, the most called first."""
    return "\n".join(f"  {number:6d}  {module}" for module, number in modules_entered(calls).most_common())


def _list_functions(calls: Calls) -> str:
    return "\n".join(f"  {number:6d}  {module}  {name}" for (module, name), number in sorted(calls.items()))


async def _print_roads(servers: ServerAddresses, *, functions: bool) -> None:
    for name, road in ROADS.items():
        calls = await road(servers)
        sys.stdout.write(f"{name}: {len(modules_entered(calls))} modules\n{list_modules(calls)}\n")
        if functions:
            sys.stdout.write(f"{_list_functions(calls)}\n")


def main() -> None:
    """Pass every road and print the modules entered."""
    parser = argparse.ArgumentParser(description="List the modules that are entered on each road, by number of calls.")
    parser.add_argument("--functions", action="store_true", help="list their functions, too")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with run_folder() as folder:
        asyncio.run(_print_roads(shared_servers(folder), functions=options.functions))


if __name__ == "__main__":
    main()
