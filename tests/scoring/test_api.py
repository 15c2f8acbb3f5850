"""What scoring's routes return, to whom, and that every score can list its cases."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_scoring.app import TITLE, VERSION, create_http_app
from paidan_scoring.city_packs import PackCache
from paidan_scoring.handlers import Fold
from tests.scoring import case_histories, database_fixture
from tests.scoring.case_histories import accept, assign, close, expire, finish, return_case
from tests.scoring.database_fixture import create_key

ALL_SCOPES = ("city", "department", "district", "street", "class", "source")


@pytest.fixture
async def edge(pool: "asyncpg.Pool[Any]") -> AsyncIterator[httpx.AsyncClient]:
    """Open the edge on a city with one case closed after two departments had it, one pending, one late."""
    await database_fixture.clear_tables(pool)
    pack = await database_fixture.publish_pack(pool, database_fixture.pack_bytes())
    histories = [
        [assign("a"), accept, expire, return_case, assign("b"), accept, finish, close],
        [assign("b"), accept],
        [assign("b", hours=1), accept, expire, finish],
        [],
    ]
    records = [
        case_histories.case_record(state, offset=offset)
        for number, moves in enumerate(histories)
        for offset, state in enumerate(case_histories.history(case_histories.new_case(number, pack=pack), moves))
    ]
    await database_fixture.apply_records(pool, Fold(PackCache(pool)), records)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(pool)), base_url="http://scoring") as client:
        yield client


def app(pool: "asyncpg.Pool[Any]") -> FastAPI:
    metrics = Metrics("scoring")
    return create_http_app(EdgeConfig(TITLE, VERSION, KeyRing(pool), Health(metrics), metrics), pool)


async def test_rows_contain_counts_numerators_and_denominators(
    edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]"
) -> None:
    monitor = await create_key(pool, "role:monitor")

    answer = await edge.get("/v1/scores", params={"city": "tiny", "period": "2026-03"}, headers=monitor)

    assert answer.status_code == 200
    found = answer.json()
    assert [row["key"] for row in found["rows"]] == ["a", "b", "unknown"]
    b = found["rows"][1]
    assert b["counts"] == {
        "cases": 3,
        "voided": 0,
        "not_accepted": 0,
        "handled": 2,
        "open": 2,
        "on_time": 1,
        "late": 1,
        "no_limit": 0,
    }
    assert list(b["counts"]) == ["cases", "voided", "not_accepted", "handled", "open", "on_time", "late", "no_limit"]
    assert without_id(b["rates"]["on_time"]) == {"numerator": 1, "denominator": 2, "value": 0.5}
    assert without_id(b["rates"]["satisfaction"]) == {"numerator": 0, "denominator": 0, "value": None}
    assert found["total"]["counts"]["cases"] == 4
    assert found["indicator_version"] == "tiny-1"


def without_id(rate: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rate.items() if name != "score_id"}


@pytest.mark.parametrize("by", ALL_SCOPES)
async def test_the_rows_of_every_dimension_sum_to_the_whole(
    edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]", by: str
) -> None:
    monitor = await create_key(pool, "role:monitor")

    answer = await edge.get("/v1/scores", params={"city": "tiny", "period": "2026", "by": by}, headers=monitor)

    found = answer.json()
    assert sum(row["counts"]["cases"] for row in found["rows"]) == found["total"]["counts"]["cases"] == 4


async def test_every_score_lists_its_cases(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    """Numerator and denominator are counts of this list, so that anybody can check them."""
    monitor = await create_key(pool, "role:monitor")
    scores = 0

    for by in ALL_SCOPES:
        query = {"city": "tiny", "period": "2026-03", "by": by}
        for row in (await edge.get("/v1/scores", params=query, headers=monitor)).json()["rows"]:
            for rate in row["rates"].values():
                cases = await pages(edge, rate["score_id"], monitor, limit=1)
                assert len(cases) == rate["denominator"]
                assert sum(case["in_numerator"] for case in cases) == rate["numerator"]
                scores += 1

    assert scores > 20


async def pages(
    edge: httpx.AsyncClient, score_id: str, who: dict[str, str], *, limit: int, **query: str
) -> list[dict[str, Any]]:
    """Read a receipt to its end."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = await edge.get(f"/v1/scores/{score_id}/cases", params={"limit": limit, **query, **after}, headers=who)
        assert answer.status_code == 200, answer.text
        found += answer.json()["cases"]
        if answer.json()["next"] is None:
            return found
        after = {"after": answer.json()["next"]}


async def test_counted_cases_can_be_filtered_to_missed_ones(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    monitor = await create_key(pool, "role:monitor")
    query = {"city": "tiny", "period": "2026-03", "by": "department", "indicator": "on_time"}
    rows = (await edge.get("/v1/scores", params=query, headers=monitor)).json()["rows"]
    assert [list(row["rates"]) for row in rows] == [["on_time"]] * 3

    [missed] = await pages(edge, rows[1]["rates"]["on_time"]["score_id"], monitor, limit=5, missed_only="true")

    assert "late" in missed["facts"]
    assert not missed["in_numerator"]


async def test_each_part_of_a_score_can_be_listed(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    """Of a rate whose cases are the bad ones, the numerator is what somebody looks for."""
    monitor = await create_key(pool, "role:monitor")
    query = {"city": "tiny", "period": "2026-03", "by": "city"}
    [row] = (await edge.get("/v1/scores", params=query, headers=monitor)).json()["rows"]

    for rate in row["rates"].values():
        listed = {
            part: await pages(edge, rate["score_id"], monitor, limit=2, part=part)
            for part in ("numerator", "denominator", "missed", "neither")
        }
        assert len(listed["numerator"]) == rate["numerator"]
        assert len(listed["denominator"]) == rate["denominator"]
        assert all(case["in_numerator"] for case in listed["numerator"])
        assert all(case["in_denominator"] and not case["in_numerator"] for case in listed["missed"])
        assert not any(case["in_denominator"] or case["in_numerator"] for case in listed["neither"])
        every = {(case["case_id"], case["assignment"]) for part in listed.values() for case in part}
        assert len(every) == len(listed["neither"]) + len(
            {(case["case_id"], case["assignment"]) for case in (*listed["denominator"], *listed["numerator"])}
        )
    refused = await edge.get(f"/v1/scores/{rate['score_id']}/cases", params={"part": "all"}, headers=monitor)
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "query.part")


async def test_a_department_gets_only_its_own_row(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    monitor, department_headers = await create_key(pool, "role:monitor"), await create_key(pool, "department:b")
    query = {"city": "tiny", "period": "2026-03"}
    all_rows = (await edge.get("/v1/scores", params=query, headers=monitor)).json()["rows"]

    own_scores = (await edge.get("/v1/scores", params=query, headers=department_headers)).json()
    streets = await edge.get("/v1/scores", params={**query, "by": "street"}, headers=department_headers)
    others = await edge.get(
        f"/v1/scores/{all_rows[0]['rates']['handling']['score_id']}/cases", headers=department_headers
    )

    assert [row["key"] for row in own_scores["rows"]] == ["b"]
    assert own_scores["total"] is None
    assert streets.status_code == 403
    assert others.status_code == 404
    assert (
        len(await pages(edge, own_scores["rows"][0]["rates"]["handling"]["score_id"], department_headers, limit=9)) == 2
    )


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"period": "2026-13"}, 422, "period"),
        ({"by": "colour"}, 422, "query.by"),
        ({"indicator": "beauty"}, 422, "indicator"),
        ({"city": "nowhere"}, 403, None),
    ],
)
async def test_invalid_query_names_its_error(
    edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]", query: dict[str, str], status: int, field: str | None
) -> None:
    monitor = await create_key(pool, "role:monitor")

    answer = await edge.get("/v1/scores", params={"city": "tiny", "period": "2026-03"} | query, headers=monitor)

    assert answer.status_code == status
    assert answer.json()["error"]["field"] == field


async def test_unknown_city_is_not_an_empty_result(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    monitor = await create_key(pool, "role:monitor", city="*")

    answer = await edge.get("/v1/scores", params={"city": "nowhere", "period": "2026-03"}, headers=monitor)
    near = await edge.get("/v1/scores", params={"city": "tinny", "period": "2026-03"}, headers=monitor)
    rate = await edge.get(
        "/v1/scores", params={"city": "tiny", "period": "2026-03", "indicator": "on-time"}, headers=monitor
    )

    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "there is no city nowhere")
    assert near.json()["error"]["message"] == "there is no city tinny (did you mean tiny?)"
    assert near.json()["error"]["message_zh"] == "没有城市 tinny（是否为 tiny？）"
    assert "(did you mean on_time?)" in rate.json()["error"]["message"]


async def test_reading_a_period_without_cases_writes_nothing(
    edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]"
) -> None:
    """Anyone with a key may ask for any day of any year."""
    key = await create_key(pool, "role:monitor")
    before = await pool.fetchval("SELECT count(*) FROM score")

    for period in ("2031-01-01", "2031-01", "1999"):
        for by in ALL_SCOPES:
            url = f"/v1/scores?city=tiny&period={period}&by={by}"
            response = await edge.get(url, headers=key)
            assert (response.status_code, response.json()["rows"]) == (200, []), response.text

    assert await pool.fetchval("SELECT count(*) FROM score") == before


@pytest.mark.parametrize("route", ["scores", "cases", "indicators"])
async def test_damaged_pack_is_reported(route: str, edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    """A score by an older pack's indicators would be wrong, so there is none until the pack is published again."""
    monitor, query = await create_key(pool, "role:monitor"), {"city": "tiny", "period": "2026-03"}
    response = (await edge.get("/v1/scores", params=query, headers=monitor)).json()
    score_id = response["rows"][1]["rates"]["handling"]["score_id"]
    path, params = {
        "scores": ("/v1/scores", query),
        "cases": (f"/v1/scores/{score_id}/cases", {}),
        "indicators": ("/v1/indicators", {"city": "tiny"}),
    }[route]
    damaged = await database_fixture.publish_pack(pool, b'{"id": "tiny", "zone": "Asia/Shanghai"}')

    try:
        answer = await edge.get(path, params=params, headers=monitor)
    finally:
        await pool.execute("DELETE FROM cities.pack WHERE version = $1", damaged)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    published = answer.json()["error"]
    assert published["code"] == "city_pack_damaged"
    assert damaged in published["message"]


async def test_forged_cursor_is_refused(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    monitor = await create_key(pool, "role:monitor")
    rows = (await edge.get("/v1/scores", params={"city": "tiny", "period": "2026"}, headers=monitor)).json()["rows"]
    receipt = f"/v1/scores/{rows[0]['rates']['handling']['score_id']}/cases"

    case_id = "tiny-" + "0" * 32
    keys = (["2026-03-02", case_id, 10**20], ["2026-99-02", case_id, 1], ["2026-03-02", "\x00", 1], [case_id])
    for mark in ("nonsense", *(base64.urlsafe_b64encode(json.dumps(key).encode()).decode() for key in keys)):
        answer = await edge.get(receipt, params={"after": mark}, headers=monitor)
        assert (answer.status_code, answer.json()["error"]["field"]) == (422, "after")


async def test_definitions_are_shown_as_the_pack_has_them(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    department_headers = await create_key(pool, "department:a")

    found = (await edge.get("/v1/indicators", params={"city": "tiny"}, headers=department_headers)).json()
    schemes = (await edge.get("/v1/schemes", params={"city": "tiny"}, headers=department_headers)).json()

    due = next(count for count in found["counts"] if count["id"] == "due")
    assert due["holds"] == "dispatched and (handled or overdue) and not voided and not exempt"
    assert found["pack"] == database_fixture.pack_version(database_fixture.pack_bytes())
    assert schemes == {"city": "tiny", "schemes": []}


async def test_conservation_counts_rows_and_not_counters(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    verifier = await create_key(pool, "role:operator", city="*")
    sound = (await edge.get("/v1/conservation", headers=verifier)).json()

    await pool.execute("DELETE FROM fact WHERE case_id = (SELECT min(case_id) FROM fact)")
    broken = (await edge.get("/v1/conservation", headers=verifier)).json()

    assert (sound["cases"], sound["facts"], sound["by_end"]["closed"], sound["holds"]) == (4, 5, 1, True)
    assert (broken["cases"], broken["holds"]) == (3, False)
