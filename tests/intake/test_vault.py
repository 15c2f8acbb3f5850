"""The vault: whom it shows personal data, when and how often, and that every access is logged."""

import asyncio
import uuid

import httpx

from tests.intake.intake_service import IntakeService
from tests.intake.sample_vault import ask, send


async def test_vault_access_is_logged_with_its_reason(intake: IntakeService) -> None:
    path = await send(intake, text="原话13812345678", reporter={"name": "王小明"}, category="找王小明")

    refused = [(await ask(intake, key, f"{path}/reporter")).status_code for key in ("hotline", "department", "officer")]
    blank = [
        await ask(intake, "operator", f"{path}/reporter", reason)
        for reason in ("", " ", "\u3000", "...", "aaaaaa", "查")
    ]
    response = await ask(intake, "operator", f"{path}/reporter", "群众来电核实 13812345678")
    nobodys = await ask(intake, "operator", f"/v1/reports/{uuid.uuid4()}/reporter")
    looks = await intake.fetch(
        "SELECT reader, reason, act FROM vault_reading WHERE report_id = $1::uuid", path.rpartition("/")[2]
    )

    assert (refused, nobodys.status_code) == ([403, 403, 403], 404)
    assert {each.status_code for each in blank} == {422}
    assert {each.json()["error"]["field"] for each in blank} == {"reason"}
    assert (response.json()["reporter"]["name"], response.json()["text"]) == ("王小明", "原话13812345678")
    assert response.json()["category"] == "找王小明", "what was masked in what travelled"
    assert response.headers["cache-control"] == "no-store"
    assert [tuple(row) for row in looks] == [("operator", "群众来电核实 ***********", "read")]
    assert "王小明" not in intake.log.read_text()


async def test_caller_sees_a_person_only_while_a_call_waits(intake: IntakeService) -> None:
    path = await send(intake, text="话", reporter={"name": "王小明"})
    report_id = path.rpartition("/")[2]
    seen = []
    for status, awaited in [
        ("handling", None), ("handling", []), ("closed", [str(uuid.uuid4())]), ("closed", [report_id]),
        ("closed", None), ("closed", []),
    ]:  # fmt: skip
        await intake.set_status(report_id, status, awaited)
        response = await ask(intake, "caller", f"{path}/reporter", "回访")
        seen.append(response.status_code if response.status_code == 200 else response.json()["error"]["code"])

    assert seen == ["no_call_waiting", "no_call_waiting", "no_call_waiting", 200, 200, "no_call_waiting"]


async def test_confidential_report_needs_a_second_role(intake: IntakeService) -> None:
    path = await send(intake, text="举报邻居", reporter={"name": "王小明"}, confidential=True)
    await intake.set_status(path.rpartition("/")[2], "closed", [path.rpartition("/")[2]])

    answers = {
        key: await ask(intake, key, f"{path}/reporter")
        for key in ("caller", "operator", "officer", "trusted-caller", "trusted-operator")
    }

    assert {key: each.status_code for key, each in answers.items()} == {
        "caller": 403, "operator": 403, "officer": 403, "trusted-caller": 200, "trusted-operator": 200
    }  # fmt: skip
    assert answers["operator"].json()["error"]["code"] == "confidential"
    assert answers["trusted-operator"].json()["secrecy"] is True


async def test_row_that_was_given_another_city_or_secrecy_does_not_open(intake: IntakeService) -> None:
    path = await send(intake, text="举报邻居", reporter={"name": "王小明"}, confidential=True)
    await intake.fetch("UPDATE vault SET confidential = false WHERE report_id = $1::uuid", path.rpartition("/")[2])

    response = await ask(intake, "operator", f"{path}/reporter")

    assert (response.status_code, response.json()["error"]["code"]) == (503, "vault_locked")


async def test_accesses_of_a_key_within_an_hour_are_limited(intake: IntakeService) -> None:
    path = await send(intake, text="话", reporter={"name": "王小明"})
    await intake.fetch(
        "INSERT INTO vault_reading (report_id, api_key, reader, reason)"
        " SELECT $1::uuid, key_id, 'eager', '核实' FROM api_key, generate_series(1, 59) WHERE name = 'eager'",
        path.rpartition("/")[2],
    )

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(intake, "eager", f"{path}/reporter")) for _ in range(4)]
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"{intake.url}/metrics")).text

    statuses = sorted(task.result().status_code for task in tasks)
    assert statuses == [200, 429, 429, 429]
    assert "3600" in {task.result().headers.get("retry-after") for task in tasks}
    assert 'paidan_vault_requests_total{outcome="quota",service="intake"} 3.0' in metrics
