"""The typed client loses no answer, however it is killed, and gives none twice."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from paidan_contracts.client import DepartmentClient
from tests import fork_server
from tests.dispatch.crashing_department import STEPS
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.fork_server import ForkedProcess
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=20)


async def committed(service: DispatchService, group: str) -> int:
    """Return the offset to which a group has committed the orders of the department."""
    admin = AIOKafkaAdminClient(bootstrap_servers=service.kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    lane = TopicPartition(service.cluster.prefixed("paidan.orders.streets"), 0)
    return int(offsets[lane].offset) if lane in offsets else 0


def start_department(service: DispatchService, case_id: str, photo: str, step: int, log: Path) -> ForkedProcess:
    group = f"streets.{case_id[-8:]}"
    return fork_server.start(
        "tests.dispatch.crashing_department",
        *(service.kafka, service.prefix, group, case_id, photo, str(step)),
        environment={"PATH": "/usr/bin:/bin"},
        out=log,
    )


async def test_a_department_killed_between_any_two_steps_answers_once(
    service: DispatchService, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Seven cases, each answered by a department that is killed at another step, and started again."""
    assert (await client.get("/healthz")).status_code == 200
    reports = [build_report(f"killed-{step}", east_m=1000 * step) for step in range(1, STEPS + 1)]
    cases = [case_id_of(each) for each in reports]
    await service.append_to_inbox(*reports)
    photos = [await service.store_proof(case_id) for case_id in cases]
    await service.await_messages("paidan.orders.streets", STEPS, about=cases)

    killed = [
        start_department(service, case_id, photo, step, tmp_path / f"{step}.log")
        for step, (case_id, photo) in enumerate(zip(cases, photos, strict=True), 1)
    ]
    await poll(lambda: all(each.poll() is not None for each in killed), within_s=60, what="each is killed")
    assert {each.returncode for each in killed} == {-9}
    with ExitStack() as stack:
        for case_id, photo in zip(cases, photos, strict=True):
            again = start_department(service, case_id, photo, 0, tmp_path / f"again-{case_id}.log")
            stack.callback(again.kill)

        async def all_is_read() -> bool:
            steps = await service.read_topic("paidan.cases")
            finished = {each["case_id"] for each in steps if each["type"] == "case.finished.v1"}
            end = len(await service.read_topic("paidan.orders.streets"))
            read = [await committed(service, f"streets.{case_id[-8:]}") for case_id in cases]
            return finished >= set(cases) and set(read) == {end}

        await poll(all_is_read, within_s=60, what="every case is finished, and every message committed")

    steps = Counter((each["case_id"], each["type"]) for each in await service.read_topic("paidan.cases"))
    refused = [each for each in await service.read_topic("paidan.orders.streets") if "why" in each]
    assert {steps[case_id, "case.accepted.v1"] for case_id in cases} == {1}
    assert {steps[case_id, "case.finished.v1"] for case_id in cases} == {1}
    assert refused == []


async def test_who_breaks_out_of_a_message_is_given_it_again_by_the_same_client(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    """Else the next message's commit would count it as read."""
    assert (await client.get("/healthz")).status_code == 200
    reports = [build_report(f"left-{number}", east_m=60_000 + 1000 * number) for number in range(2)]
    await service.append_to_inbox(*reports)
    await service.await_messages("paidan.orders.streets", 2, about=[case_id_of(each) for each in reports])

    async with DepartmentClient(
        "streets", service.kafka, topic_prefix=service.prefix, group="streets.leaves"
    ) as department:
        first = await anext(department.messages())
        again = await anext(department.messages())

    assert again == first
