"""Every score lists its cases, so that anybody can check it: whole or in part, page by page, to whom it shows."""

import base64
import json
from typing import Any

import asyncpg
import httpx

from tests.scoring.database_fixture import create_key
from tests.scoring.scoring_edge import ALL_SCOPES, pages


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


async def test_forged_cursor_is_refused(edge: httpx.AsyncClient, pool: "asyncpg.Pool[Any]") -> None:
    monitor = await create_key(pool, "role:monitor")
    rows = (await edge.get("/v1/scores", params={"city": "tiny", "period": "2026"}, headers=monitor)).json()["rows"]
    receipt = f"/v1/scores/{rows[0]['rates']['handling']['score_id']}/cases"

    case_id = "tiny-" + "0" * 32
    keys = (["2026-03-02", case_id, 10**20], ["2026-99-02", case_id, 1], ["2026-03-02", "\x00", 1], [case_id])
    for mark in ("nonsense", *(base64.urlsafe_b64encode(json.dumps(key).encode()).decode() for key in keys)):
        answer = await edge.get(receipt, params={"after": mark}, headers=monitor)
        assert (answer.status_code, answer.json()["error"]["field"]) == (422, "after")
