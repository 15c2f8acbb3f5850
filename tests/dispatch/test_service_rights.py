"""Over HTTP: helpers see and answer their orders, doers may not inspect, sources urge about their own reports."""

from typing import Any

import httpx

from tests.dispatch.dispatch_service import DispatchService
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.service_client import Headers, act_and_await


async def _orders(client: httpx.AsyncClient, headers: Headers, case_id: str) -> list[tuple[str, str]]:
    found = (await client.get("/v1/orders", headers=headers)).json()["orders"]
    return [(each["order"]["role"], each["status"]) for each in found if each["order"]["case_id"] == case_id]


async def test_helper_sees_and_answers_its_order_beside_the_lead(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    lamp = build_report("helped", class_code="C0137", row_id="C0137-1", east_m=30_000)
    case_id = case_id_of(lamp)
    streets, lamps = await service.create_key("department:streets"), await service.create_key("department:lamps")
    await service.append_to_inbox(lamp)
    [issued] = await service.await_messages("paidan.orders.streets", 1, about=[case_id])

    before = await _orders(client, streets, case_id)
    accepted = await act_and_await(client, case_id, {"kind": "accept"}, streets)
    shown = (await client.get(f"/v1/cases/{case_id}", headers=streets)).json()
    finished = await act_and_await(client, case_id, {"kind": "finish", "text": "fenced off"}, streets)

    assert (issued["type"], issued["order"]["role"], issued["order"]["lead"]) == ("order.issued.v1", "helper", "lamps")
    assert before == [("helper", "dispatched")]
    assert (shown["order"]["order_id"], shown["status"]) == (issued["order"]["order_id"], "handling")
    assert [each["result"] for each in (accepted, finished)] == ["applied"] * 2
    assert await _orders(client, streets, case_id) == [("helper", "inspecting")]
    assert await _orders(client, lamps, case_id) == [("lead", "dispatched")]
    monitor = await service.create_key("role:monitor")
    receipts = (await client.get(f"/v1/cases/{case_id}", headers=monitor)).json()["receipts"]
    assert [(each["decision"], each["rule"], each["department"]) for each in receipts[-2:]] == [
        ("placed", "lamps", "lamps"),
        ("helped", "lamps", "streets"),
    ]
    for headers, role in ((lamps, "lead"), (streets, "helper")):
        assert (await client.get(f"/v1/cases/{case_id}", headers=headers)).json()["order"]["role"] == role


async def test_inspector_of_a_department_that_did_the_work_is_refused(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    lamp = build_report("inspected", class_code="C0137", row_id="C0137-1", east_m=31_000)
    case_id = case_id_of(lamp)
    streets, lamps = await service.create_key("department:streets"), await service.create_key("department:lamps")
    keys = [
        await service.create_key("role:inspector", *member) for member in (("member:lamps",), ("member:streets",), ())
    ]
    await service.append_to_inbox(lamp)
    await service.await_messages("paidan.orders.lamps", 1, about=[case_id])
    await act_and_await(client, case_id, {"kind": "accept"}, streets)
    await act_and_await(client, case_id, {"kind": "finish"}, lamps)

    outcomes = [await act_and_await(client, case_id, {"kind": "inspect", "passed": True}, each) for each in keys]

    assert [(each["result"], each["why"] and each["why"]["code"]) for each in outcomes] == [
        ("refused", "doer_may_not_inspect"),
        ("refused", "doer_may_not_inspect"),
        ("applied", None),
    ]


async def test_source_urges_about_its_own_report_and_reads_what_became_of_it(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    first, twin = build_report("urged", east_m=32_000), build_report("urged too", east_m=32_001, source="photo")
    case_id = case_id_of(first)
    hotline, photo = await service.create_key("source:hotline"), await service.create_key("source:photo")
    await service.append_to_inbox(first, twin)
    await service.await_messages("paidan.outcomes", 2, about=[first.report_id, twin.report_id])

    async def act(headers: Headers, key: str, action: dict[str, Any], **more: str) -> str:
        response = await client.post(
            f"/v1/cases/{case_id}/actions", json={"action": action, **more}, headers=headers | {"Idempotency-Key": key}
        )
        assert response.status_code == 202, response.text
        return str(response.json()["action_id"])

    urge = {"kind": "urge", "reason": "it smells"}
    own = await act(hotline, "u1", urge, of_report=first.report_id)
    others = [
        await act(photo, "u2", urge, of_report=first.report_id),
        await act(photo, "u3", urge),
        await act(hotline, "u4", {"kind": "accept"}, of_report=first.report_id),
    ]
    by_twin = await act(photo, "u5", urge, of_report=twin.report_id)
    operator = await service.create_key("role:operator")
    await service.await_messages("paidan.outcomes", 5, about=[own, *others, by_twin])

    async def became(action_id: str, headers: Headers) -> Any:  # noqa: ANN401 - of any type
        found = await client.get(f"/v1/actions/{action_id}", headers=headers)
        return (
            (found.json()["result"], found.json()["why"] and found.json()["why"]["code"]) if found.is_success else 404
        )

    assert await became(own, hotline) == await became(by_twin, photo) == ("applied", None)
    assert await became(own, photo) == 404
    assert [await became(each, operator) for each in others] == [
        ("refused", "unknown_report"),
        ("refused", "unknown_report"),
        ("refused", "not_your_role"),
    ]
    urged = await service.await_messages("paidan.orders.streets", 1, about=[case_id])
    assert [each["reason"] for each in urged if each["type"] == "order.urged.v1"] == ["it smells", "it smells"]


async def test_pages_of_a_bounded_list_hold_each_case_within_the_bounds_once(
    service: DispatchService, client: httpx.AsyncClient
) -> None:
    """Cases of others lie between them, more than a page holds."""
    east, west = {"district": "990102", "street": "990102001"}, {"district": "990101"}
    reports = [
        build_report(f"bounded {at}", class_code="E0401", east_m=50_000 + at * 500, place=east if at % 5 == 0 else west)
        for at in range(11)
    ]
    desk = await service.create_key("role:operator", "place:990102001")
    await service.append_to_inbox(*reports)
    await service.await_messages("paidan.outcomes", 11, about=[each.report_id for each in reports])

    pages: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        page = (await client.get(f"/v1/cases?limit=2&class_code=E0401{after}", headers=desk)).json()
        pages.append([each["case_id"] for each in page["cases"]])
        after = f"&after={page['after']}" if page["after"] else None

    found = [case_id for page in pages for case_id in page]
    assert sorted(found) == sorted(case_id_of(each) for each in reports[::5])
    assert len(pages[0]) == 2
