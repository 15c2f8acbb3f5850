"""Over HTTP: what a caller may do with a case, and forms that the dry run of the action's route accepts."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import Headers, act_and_await
from tests.polling import poll

LOOKUP = "/v1/cases/actions/lookup"


@dataclass(frozen=True, slots=True)
class OfferedActions:
    """What callers are offered to do with a case, and what a dry run says of it."""

    client: httpx.AsyncClient
    url: str

    async def by_kind(self, headers: Headers) -> dict[str, dict[str, Any]]:
        response = await self.client.get(self.url, headers=headers)
        assert response.status_code == 200, response.text
        return {each["kind"]: each for each in response.json()["actions"]}

    async def allowed(self, headers: Headers) -> list[str]:
        return [kind for kind, each in (await self.by_kind(headers)).items() if each["allowed"]]

    async def dry_run(self, headers: Headers, action: dict[str, Any], **more: str) -> dict[str, Any]:
        """Return the result of an action that is valid by the schema that is offered for it."""
        body = {"action": action, **more}
        Draft202012Validator((await self.by_kind(headers))[action["kind"]]["body_schema"]).validate(body)
        response = await self.client.post(
            f"{self.url}?dry-run=true", json=body, headers=headers | {"Idempotency-Key": action["kind"]}
        )
        result: dict[str, Any] = response.json()
        return result


async def test_offered_actions_are_those_that_a_dry_run_applies(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    first, twin = build_report("offered", east_m=41_000), build_report("offered 2", east_m=41_001, source="photo")
    case_id = case_id_of(first)
    offered = OfferedActions(client, f"/v1/cases/{case_id}/actions")
    streets, operator = await service.create_key("department:streets"), await service.create_key("role:operator")
    photo, monitor = await service.create_key("source:photo"), await service.create_key("role:monitor")
    await service.append_to_inbox(first, twin)
    await service.await_messages("paidan.outcomes", 2, about=[first.report_id, twin.report_id])

    assert await offered.allowed(operator) == ["file", "redispatch", "void", "urge", "correct", "note"]
    assert await offered.allowed(streets) == ["accept", "return", "finish"]
    assert await offered.allowed(photo) == ["urge"]
    assert await offered.allowed(monitor) == []
    assert (await offered.by_kind(operator))["assign"]["names"] == {"zh": "派遣", "en": "Assign"}

    redispatch = {"kind": "redispatch", "department": "lamps", "reason": "it is a lamp"}
    assert (await offered.dry_run(operator, redispatch))["result"] == "applied"
    assert (await offered.dry_run(photo, {"kind": "urge"}, of_report=twin.report_id))["result"] == "applied"
    refused = await offered.dry_run(operator, {"kind": "accept"})
    why = (await offered.by_kind(operator))["accept"]["why"]
    assert (refused["result"], refused["why"]["code"], why["code"]) == ("refused", "not_your_role", "not_your_role")
    # The list shows what is allowed instead.
    assert refused["why"]["message"].startswith(f"{why['message']} The case is dispatched")
    assert refused["why"]["message_zh"].startswith(f"{why['message_zh']}案件现为")

    await act_and_await(client, case_id, {"kind": "accept"}, streets)
    assert await offered.allowed(streets) == ["return", "finish"]
    assert (await client.get(f"{offered.url}?x=1", headers=operator)).status_code == 422
    shown, some, every, alone = await poll(
        partial(_read_at_one_version, client, case_id, operator, streets), what="a case that no timer changes meanwhile"
    )
    assert some == shown | {"actions": [each for each in shown["actions"] if each["kind"] in ("void", "urge")]}
    assert every == alone
    assert (every["order"]["order"]["role"], every["order"]["status"], shown["order"]) == ("lead", "handling", None)
    assert (shown["case_id"], shown["status"]) == (case_id, "handling")
    assert shown["case_version"] >= 3, "opened, merged, accepted; and perhaps a timer went off"


async def _read_at_one_version(
    client: httpx.AsyncClient, case_id: str, operator: Headers, department: Headers
) -> list[dict[str, Any]] | None:
    """Return a case as both callers read it, alone and among others: ``None`` when a timer went off in between."""
    url, unknown = f"/v1/cases/{case_id}/actions", case_id_of(build_report("never sent"))
    some = {"case_ids": [unknown, case_id], "kinds": ["void", "urge"]}
    read = [
        (await client.get(url, headers=operator)).json(),
        *(await client.post(LOOKUP, json=some, headers=operator)).json()["cases"],
        *(await client.post(LOOKUP, json={"case_ids": [case_id]}, headers=department)).json()["cases"],
        (await client.get(url, headers=department)).json(),
    ]
    return read if len({each["case_version"] for each in read}) == 1 else None


async def test_a_department_reads_why_it_is_to_do_its_work_again_and_no_other_does(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    first = build_report("failed", east_m=43_000)
    case_id = case_id_of(first)
    streets, inspector = await service.create_key("department:streets"), await service.create_key("role:inspector")
    operator = await service.create_key("role:operator")
    await service.append_to_inbox(first)
    await service.await_messages("paidan.outcomes", 1, about=[first.report_id])
    proof = await service.store_proof(case_id)
    await act_and_await(client, case_id, {"kind": "finish", "text": "swept", "proof": [proof]}, streets)
    failed = {"kind": "inspect", "passed": False, "reason": "still wet"}
    assert (await act_and_await(client, case_id, failed, inspector))["result"] == "applied"

    shown = (await client.get(f"/v1/cases/{case_id}", headers=streets)).json()
    [offered] = (await client.post(LOOKUP, json={"case_ids": [case_id]}, headers=streets)).json()["cases"]
    [past] = shown["rounds"]
    told = {"round": 1, "because": "rework", "reason": "still wet", "text": "swept", "proof": [proof], "photos": []}
    assert past.items() >= told.items()
    assert offered["order"]["rounds"] == [past]

    redispatch = {"kind": "redispatch", "department": "lamps", "reason": "it is a lamp"}
    await act_and_await(client, case_id, redispatch, operator)
    lamps = await service.create_key("department:lamps")
    assert (await client.get(f"/v1/cases/{case_id}", headers=lamps)).json()["rounds"] == []
