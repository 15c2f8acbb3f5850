"""Batches of actions are answered by line number, blank lines counted."""

import json

import httpx
import pytest

from paidan_contracts import ids
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import UNKNOWN_CASE

BATCH = "/v1/actions/batch"


def batch_line(own: str, case_id: str = UNKNOWN_CASE) -> str:
    """Return a valid line."""
    return json.dumps({"id": own, "case_id": case_id, "action": {"kind": "urge"}})


async def test_blank_lines_are_skipped_and_counted(service: DispatchService, client: httpx.AsyncClient) -> None:
    streets = await service.create_key("department:streets")
    twice = batch_line("three").replace("{", '{"id": "other", ', 1)
    file = f"\n{batch_line('one')}\r\n \t\r\n\nnot json\n{batch_line('two')}\n{twice}\n\n"

    response = await client.post(BATCH, content=file, headers=streets)
    answers = [json.loads(each) for each in response.text.splitlines()]

    assert response.status_code == 202
    assert [(each["line"], each["status"]) for each in answers] == [(2, 202), (5, 400), (6, 202), (7, 422)]
    assert [each.get("action_id") for each in answers] == [
        ids.action_id("department:streets", "one"),
        None,
        ids.action_id("department:streets", "two"),
        None,
    ]
    assert (answers[3]["error"]["code"], answers[3]["error"]["field"]) == ("duplicate_key", "id")
    assert answers[1]["error"]["code"] == "invalid_json"


async def test_a_dry_run_is_answered_by_number_too(service: DispatchService, client: httpx.AsyncClient) -> None:
    first, streets = build_report("numbered"), await service.create_key("department:streets")
    await service.append_to_inbox(first)
    await service.await_messages("paidan.orders.streets", 1, about=[case_id_of(first)])

    response = await client.post(
        f"{BATCH}?dry-run=true", content=f"\nx\n\n{batch_line('n', case_id_of(first))}", headers=streets
    )
    answers = [json.loads(each) for each in response.text.splitlines()]

    assert [each["line"] for each in answers] == [2, 4]
    assert ("status" in answers[0], "error" in answers[0]) == (False, True)
    assert set(answers[1]) == {"line", "dry_run", "action_id", "result", "status", "why"}


@pytest.mark.parametrize("query", ["", "?dry-run=true"])
@pytest.mark.parametrize("file", ["", "\n", " \r\n\n"])
async def test_empty_batch_gives_an_empty_body(
    service: DispatchService, client: httpx.AsyncClient, file: str, query: str
) -> None:
    response = await client.post(BATCH + query, content=file, headers=await service.create_key("department:streets"))

    assert (response.status_code, response.content) == (200 if query else 202, b"")


async def test_blank_lines_do_not_make_a_batch_too_long(service: DispatchService, client: httpx.AsyncClient) -> None:
    streets = await service.create_key("department:streets")

    blank = await client.post(BATCH, content="\n" * 5000 + batch_line("after"), headers=streets)
    long = await client.post(BATCH, content="x\n" * 2001, headers=streets)

    assert (blank.status_code, blank.json()["line"]) == (202, 5001)
    assert (long.status_code, long.json()["error"]["code"]) == (422, "invalid")
