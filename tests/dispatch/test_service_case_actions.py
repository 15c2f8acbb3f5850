"""Over HTTP: what a caller may do with a case, and forms that the dry run of the action's route accepts."""

from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import Headers, act_and_await


async def test_offered_actions_are_those_that_a_dry_run_applies(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    first, twin = build_report("offered", east_m=41_000), build_report("offered 2", east_m=41_001, source="photo")
    case_id = case_id_of(first)
    url = f"/v1/cases/{case_id}/actions"
    streets, operator = await service.create_key("department:streets"), await service.create_key("role:operator")
    photo, monitor = await service.create_key("source:photo"), await service.create_key("role:monitor")
    await service.append_to_inbox(first, twin)
    await service.await_messages("paidan.outcomes", 2, about=[first.report_id, twin.report_id])

    async def offered(headers: Headers) -> dict[str, dict[str, Any]]:
        response = await client.get(url, headers=headers)
        assert response.status_code == 200, response.text
        return {each["kind"]: each for each in response.json()["actions"]}

    async def dry_run(headers: Headers, action: dict[str, Any], **more: str) -> dict[str, Any]:
        body = {"action": action, **more}
        Draft202012Validator((await offered(headers))[action["kind"]]["body_schema"]).validate(body)
        response = await client.post(
            f"{url}?dry-run=true", json=body, headers=headers | {"Idempotency-Key": action["kind"]}
        )
        result: dict[str, Any] = response.json()
        return result

    async def allowed(headers: Headers) -> list[str]:
        return [kind for kind, each in (await offered(headers)).items() if each["allowed"]]

    assert await allowed(operator) == ["file", "redispatch", "void", "urge"]
    assert await allowed(streets) == ["accept", "return", "finish"]
    assert await allowed(photo) == ["urge"]
    assert await allowed(monitor) == []
    assert (await offered(operator))["assign"]["names"] == {"zh": "派遣", "en": "Assign"}

    redispatch = {"kind": "redispatch", "department": "lamps", "reason": "it is a lamp"}
    assert (await dry_run(operator, redispatch))["result"] == "applied"
    assert (await dry_run(photo, {"kind": "urge"}, of_report=twin.report_id))["result"] == "applied"
    refused = await dry_run(operator, {"kind": "accept"})
    assert (refused["result"], refused["why"]) == ("refused", (await offered(operator))["accept"]["why"])

    await act_and_await(client, case_id, {"kind": "accept"}, streets)
    assert await allowed(streets) == ["return", "finish"]
    assert (await client.get(f"{url}?x=1", headers=operator)).status_code == 422
    shown = (await client.get(url, headers=operator)).json()
    assert (shown["case_id"], shown["status"]) == (case_id, "handling")
    assert shown["case_version"] >= 3, "opened, merged, accepted; and perhaps a timer went off"
