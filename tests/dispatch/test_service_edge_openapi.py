"""Responses match the OpenAPI document, from which integrators generate their clients."""

import json
from typing import Any

import httpx
import jsonschema

from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import UNKNOWN_CASE, act_and_await

CASE = "/v1/cases/{case_id}"
ACT = f"{CASE}/actions"
BATCH = "/v1/actions/batch"


def assert_documented(document: dict[str, Any], path: str, response: httpx.Response) -> None:
    """Validate a response by the document's schema of its route and status."""
    responses = document["paths"][path][response.request.method.lower()]["responses"]
    content = responses.get(str(response.status_code), responses["default"])["content"]
    assert response.headers["content-type"] in content, (path, response.status_code)
    if "application/json" in content:
        schema = content["application/json"]["schema"]
        jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(response.json())


async def test_answers_are_as_documented(service: DispatchService, client: httpx.AsyncClient) -> None:
    first = build_report("documented")
    case_id, monitor, streets = (
        case_id_of(first),
        await service.create_key("role:monitor"),
        await service.create_key("department:streets"),
    )
    await service.append_to_inbox(first)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id])
    await act_and_await(client, case_id, {"kind": "accept"}, streets)
    document = (await client.get("/openapi.json")).json()
    line = json.dumps({"id": "b", "case_id": case_id, "action": {"kind": "urge"}})
    body, key = {"action": {"kind": "finish"}}, streets | {"Idempotency-Key": "k"}

    for path, response, status in (
        (CASE, await client.get(f"/v1/cases/{case_id}", headers=monitor), 200),
        (CASE, await client.get(f"/v1/cases/{case_id}", headers=streets), 200),
        (CASE, await client.get(f"/v1/cases/{UNKNOWN_CASE}", headers=streets), 404),
        (ACT, await client.get(f"/v1/cases/{case_id}/actions", headers=streets), 200),
        (ACT, await client.post(f"/v1/cases/{case_id}/actions", json=body, headers=key), 202),
        (ACT, await client.post(f"/v1/cases/{case_id}/actions?dry-run=true", json=body, headers=key), 200),
        (ACT, await client.post(f"/v1/cases/{case_id}/actions", json=body, headers=streets), 400),
        (BATCH, await client.post(BATCH, content=line, headers=streets), 202),
        (BATCH, await client.post(f"{BATCH}?dry-run=true", content=line, headers=streets), 200),
        (BATCH, await client.post(BATCH, content=line), 401),
        ("/v1/orders", await client.get("/v1/orders", headers=streets), 200),
    ):
        assert response.status_code == status, (path, response.text)
        assert_documented(document, path, response)


async def test_the_key_that_an_action_needs_is_documented(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    parameters = {each["name"]: each for each in document["paths"][ACT]["post"]["parameters"]}

    assert (parameters["Idempotency-Key"]["in"], parameters["Idempotency-Key"]["required"]) == ("header", True)
    assert set(parameters) == {"case_id", "dry-run", "Idempotency-Key"}
