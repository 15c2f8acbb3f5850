"""Scores as they are read: rows of counts and rates, of every dimension, and what is wrong with a query."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.scoring.database_fixture import create_key
from tests.scoring.scoring_edge import ALL_SCOPES


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


async def test_conservation_counts_rows_and_not_counters(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    verifier = await create_key(pool, "role:operator", city="*")
    sound = (await edge.get("/v1/conservation", headers=verifier)).json()

    await pool.execute("DELETE FROM fact WHERE case_id = (SELECT min(case_id) FROM fact)")
    broken = (await edge.get("/v1/conservation", headers=verifier)).json()

    assert (sound["cases"], sound["facts"], sound["by_end"]["closed"], sound["holds"]) == (4, 5, 1, True)
    assert (broken["cases"], broken["holds"]) == (3, False)


@pytest.mark.parametrize(
    ("bounds", "by", "keys"),
    [
        (("place:1",), "district", ["1"]),
        (("place:1-1",), "street", ["1-1"]),
        (("place:1-1",), "district", []),
        (("place:9",), "district", []),
        (("class:E01*",), "class", ["E0110"]),
        (("class:C*",), "class", []),
        (("place:1",), "class", None),
        (("class:E*",), "district", None),
        (("class:E*", "place:1"), "class", None),
        (("place:1",), "city", None),
        (("place:1",), "department", None),
        (("place:1",), "source", None),
    ],
)
async def test_a_bounded_post_reads_the_figures_of_its_classes_or_places_alone(
    edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]", bounds: tuple[str, ...], by: str, keys: list[str] | None
) -> None:
    """A figure counts all cases of its row, and no row by department has only those of one district."""
    monitor, post = await create_key(pool, "role:monitor"), await create_key(pool, "role:operator", *bounds)
    query = {"city": "tiny", "period": "2026-03", "by": by}
    all_rows = (await edge.get("/v1/scores", params=query, headers=monitor)).json()["rows"]

    answer = await edge.get("/v1/scores", params=query, headers=post)

    if keys is None:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bounded_post")
    else:
        assert answer.json()["rows"] == [row for row in all_rows if row["key"] in keys]
        assert answer.json()["total"] is None
        assert (not keys) == (answer.json()["rows"] == [])
    for row in all_rows:
        receipt = await edge.get(f"/v1/scores/{row['rates']['on_time']['score_id']}/cases", headers=post)
        assert receipt.status_code == (200 if row["key"] in (keys or ()) else 404), row["key"]


async def test_a_bounded_clerk_reads_no_figure_of_the_whole_department(
    edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]"
) -> None:
    clerk = await create_key(pool, "department:a", "place:1")

    answer = await edge.get("/v1/scores", params={"city": "tiny", "period": "2026-03"}, headers=clerk)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bounded_post")
