"""A department's open orders over HTTP: changes come at once to who waits for them; and all of them as a workbook."""

import asyncio
import io
import re
import time
import zipfile
from collections.abc import Collection
from functools import partial
from typing import Any

import asyncpg
import httpx

from paidan_chassis.edge.change_watch import ChangeWatch, WaitingRequest
from paidan_contracts import ids
from paidan_contracts.client import AnswerOutcome, DepartmentHttpClient
from paidan_dispatch.api.order_tags import OrdersOf, load_order_tags
from tests.dispatch.applied_inbox import InboxRecords, apply_records
from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of, city_in_force
from tests.polling import poll


async def open_order(service: DispatchService, client: httpx.AsyncClient, ref: str, *, east_m: float = 0) -> str:
    """Open a case whose time limits have all passed, so that nothing but what is done changes it; return its id."""
    report = build_report(ref, east_m=east_m, text="=1+1 垃圾")
    case_id, monitor = case_id_of(report), await service.create_key("role:monitor")
    await service.append_to_inbox(report)

    async def has_settled() -> bool:
        found = (await client.get(f"/v1/cases/{case_id}", headers=monitor)).json()
        return len([each for each in found.get("history", ()) if each["event"]["type"] == "case.overdue.v1"]) == 2

    await poll(has_settled, within_s=60, what="its clocks have run out")
    return case_id


def typed_client(client: httpx.AsyncClient, department: str, headers: dict[str, str]) -> DepartmentHttpClient:
    """Return contracts' client of the edge that runs in this process."""
    token = headers["authorization"].removeprefix("Bearer ")
    return DepartmentHttpClient(department, "http://dispatch", token, transport=client._transport)  # noqa: SLF001


async def test_a_waiting_department_is_answered_by_a_change_and_no_other(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    first = await open_order(service, client, "waits", east_m=3000)
    streets, lamps = await service.create_key("department:streets"), await service.create_key("department:lamps")
    read = await client.get("/v1/orders", headers=streets)
    etag = read.headers["etag"]
    unchanged = await client.get("/v1/orders", headers=streets | {"If-None-Match": etag})
    ended = await client.get("/v1/orders?wait=1", headers=streets | {"If-None-Match": etag})
    foreign = (await client.get("/v1/orders", headers=lamps)).headers["etag"]

    waiting = asyncio.create_task(client.get("/v1/orders?wait=30", headers=streets | {"If-None-Match": etag}))
    other = asyncio.create_task(client.get("/v1/orders?wait=2", headers=lamps | {"If-None-Match": foreign}))
    await asyncio.wait({waiting}, timeout=0.5)
    assert not waiting.done()
    began = time.monotonic()
    await service.append_answer("streets", {"id": "w1", "case_id": first, "action": {"kind": "accept"}})
    changed = await asyncio.wait_for(waiting, 20)
    took_s = time.monotonic() - began

    assert (unchanged.status_code, unchanged.content, ended.status_code) == (304, b"", 304)
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag
    assert [each["status"] for each in changed.json()["orders"] if each["order"]["case_id"] == first] == ["handling"]
    assert took_s < 10
    async with typed_client(client, "streets", streets) as department:
        snapshot = await anext(department.snapshots())
        outcome = await department.outcome(ids.action_id("department:streets", "w1"))
    assert first in {each.case_id for each in snapshot}
    assert outcome == AnswerOutcome("applied", None)
    assert (await other).status_code == 304


async def test_a_key_may_let_ten_requests_wait(service: DispatchService, client: httpx.AsyncClient) -> None:
    headers = await service.create_key("department:lamps")
    headers |= {"If-None-Match": (await client.get("/v1/orders", headers=headers)).headers["etag"]}

    answers = await asyncio.gather(*(client.get("/v1/orders?wait=2", headers=headers) for _ in range(12)))

    assert sorted(each.status_code for each in answers) == [304] * 10 + [429] * 2


async def test_who_waits_is_answered_when_the_process_stops(pool: "asyncpg.Pool[Any]") -> None:
    stopping = asyncio.Event()
    watch = ChangeWatch(pool, "dispatch", partial(load_order_tags, pool), stopping)
    asked = OrdersOf("streets", None)
    request = WaitingRequest(asked, await watch.tag(asked))
    waiting = asyncio.create_task(watch.wait(request, 30, "key_1"))
    await poll(lambda: bool(watch.waiting), what="the request waits")
    await watch.check()
    assert not request.woken.is_set()

    stopping.set()
    await watch.check()

    await asyncio.wait_for(waiting, 5)
    assert not watch.waiting


async def test_change_is_told_though_the_first_look_at_it_failed(pool: "asyncpg.Pool[Any]") -> None:
    answers: list[str | Exception] = ["new", asyncpg.QueryCanceledError("too slow"), "old"]

    async def load_tags(keys: Collection[str]) -> dict[str, str]:
        answer = answers.pop() if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict.fromkeys(keys, answer)

    watch = ChangeWatch(pool, "dispatch", load_tags, asyncio.Event())
    async with watch.run():
        await asyncio.wait_for(watch.wait(WaitingRequest("key", await watch.tag("key")), 30, "key_1"), 20)


async def test_who_is_bounded_hears_of_no_change_beyond_the_bounds(pool: "asyncpg.Pool[Any]") -> None:
    """By places and by classes; a tag is of what its caller may see."""
    report = build_report("first", place={"latitude": 36.01, "longitude": 117.01, "district": "990101"})
    asked = [
        OrdersOf("streets", None),
        OrdersOf("streets", "tiny", ("990101",), ("C*", "E0110")),
        OrdersOf("streets", None, ("990101", "990109")),
        OrdersOf("streets", None, (), ("C*",)),
        OrdersOf("streets", None, ("990109",)),
        OrdersOf("streets", "elsewhere"),
        OrdersOf("lamps", None),
    ]
    before = await load_order_tags(pool, asked)
    await apply_records(pool, InboxRecords().append(city_in_force(), report).records)
    after = await load_order_tags(pool, asked)

    assert [before[each] != after[each] for each in asked] == [True, True, True, False, False, False, False]


async def test_open_orders_as_a_workbook(service: DispatchService, client: httpx.AsyncClient) -> None:
    """Words that begin like a formula stay words."""
    case_id = await open_order(service, client, "workbook", east_m=4000)
    response = await client.get("/v1/orders.xlsx", headers=await service.create_key("department:streets"))
    lamps = await client.get("/v1/orders.xlsx", headers=await service.create_key("department:lamps"))

    with zipfile.ZipFile(io.BytesIO(response.content)) as workbook:
        sheet = workbook.read("xl/worksheets/sheet1.xml").decode()
    with zipfile.ZipFile(io.BytesIO(lamps.content)) as workbook:
        foreign = workbook.read("xl/worksheets/sheet1.xml").decode()
    cells = re.findall(r"<t[^>]*>(.*?)</t>", sheet)
    assert {"处置期限 due", case_id, "=1+1 垃圾"} <= set(cells)
    assert "<f>" not in sheet
    assert case_id not in foreign
