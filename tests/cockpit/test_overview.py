"""The overview shows what the read model has, to those who may see it, and says what has changed while it is open."""

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest

from paidan_chassis.consumer.batch import Record
from paidan_cockpit.pages.overview import server_sent_event
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from paidan_contracts.places import Place
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.state import CaseState
from paidan_contracts.topics import OUTCOMES, SCORES
from tests.cockpit.cockpit_edge import signed_in
from tests.cockpit.database_fixture import apply_records
from tests.scoring import case_histories
from tests.scoring.case_histories import CaseMove, assign
from tests.scoring.database_fixture import pack_bytes, pack_version

SCORE_ID: Final = "00000000-0000-5000-8000-000000000009"
WEST: Final = Place(district="990101", street="990101001", latitude=36.01, longitude=117.01)


async def store(pool: "asyncpg.Pool[Any]", *cases: CaseState, moves: Sequence[CaseMove] = ()) -> None:
    """Store every step of cases, as a lane would."""
    steps = [state for first in cases for state in case_histories.history(first, moves)]
    await apply_records(pool, [case_histories.case_record(state, offset=at) for at, state in enumerate(steps)])


@pytest.fixture(scope="module")
async def now(pool: "asyncpg.Pool[Any]") -> datetime:
    """Store two cases of now, one that is overdue for long, one of a week before, and a confidential one."""
    pack, now = pack_version(pack_bytes()), datetime.now(UTC)
    new = case_histories.new_case
    await store(pool, new(1, pack=pack, at=now, source="hotline", place=WEST, class_code=None))
    await store(pool, new(2, pack=pack, at=now, source="camera"), moves=[assign("streets")])
    await store(pool, new(3, pack=pack, source="hotline"), moves=[assign("lamps", hours=1)])
    await store(pool, new(4, pack=pack, at=now - timedelta(days=7, minutes=1), source="hotline", place=WEST))
    await store(pool, new(5, pack=pack, at=now - timedelta(days=3), place=WEST, confidential=True, class_code="C0137"))
    await apply_records(pool, [outcome_record(number, now) for number in range(3)])
    noted = [now - timedelta(days=days) for days in (60, 29, 28)]
    await apply_records(pool, [outcome_record(number, at, "noted") for number, at in enumerate(noted, start=3)])
    await apply_records(pool, [score_record(number, now) for number in (2, 1, 3)])
    return now


def outcome_record(number: int, at: datetime, result: Literal["suppressed", "noted"] = "suppressed") -> Record:
    """Return the outcome of an alarm that became no case, as intake's relay publishes it."""
    outcome = OutcomeDecided(
        id=str(uuid.UUID(int=number + 1)), about="report", result=result, area="tiny.990101", source="camera",
        why=Refusal(code="alarm_refired", message="m", message_zh="m"), recorded_at=at, decided_at=at,
    )  # fmt: skip
    value = outcome.model_dump_json(exclude_none=True).encode()
    return Record(OUTCOMES.name, 0, number, outcome.id.encode(), value, (), at)


def score_record(version: int, at: datetime) -> Record:
    """Return the city's closing rate of this month, as scoring publishes it."""
    month = at.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")
    score = ScoreUpdated(
        score_id=SCORE_ID, version=version, city="tiny", period=month, by="city", key="tiny", indicator="closing",
        indicator_version="1", numerator=version, denominator=8, value=version / 8, computed_at=at,
    )  # fmt: skip
    return Record(SCORES.name, 0, version, SCORE_ID.encode(), score.model_dump_json().encode(), (), at)


async def test_figures_are_those_of_the_read_model(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", now: datetime
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        page = (await browser.get("/overview")).text
        west = (await browser.get("/overview?district=990101")).text

    assert 'id="figure-today">2<' in page
    assert 'id="figure-open">5<' in page
    assert "▲</span> 1<" in page
    assert cells_of(page, "figures-alarms", "camera") == ["4", "1", "3"]
    assert 'reported a moment ago <strong class="number">3<' in page
    assert "Alarms are counted for a whole city" in west
    assert f'<a href="/scores/{SCORE_ID}">3 of 8</a>' in page
    assert "37.5 %" in page
    assert page.count("none to count yet") == 3
    assert "Reports by source" in page
    assert "New cases by source" in west
    assert "no department yet" in page
    assert 'id="figure-open">3<' in west


def cells_of(page: str, section: str, source: str) -> list[str]:
    """Return the numbers of a source's row in one section of a board."""
    row = page.partition(f'id="{section}"')[2].partition("</section>")[0].partition(f"source={source}")[2]
    return re.findall(r'<td class="number">(\d+)</td>', row.partition("</tr>")[0])


async def test_noted_reports_are_forgotten_with_the_log(pool: "asyncpg.Pool[Any]", now: datetime) -> None:
    noted = await pool.fetch("SELECT recorded_at FROM noted_report ORDER BY 1")

    assert [row["recorded_at"] for row in noted] == [now - timedelta(days=days) for days in (29, 28)]


async def test_bounds_of_a_post_hold_for_every_figure_and_for_the_map(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", now: datetime
) -> None:
    async with signed_in(site, pool, "role:operator", "place:990101") as browser:
        page = (await browser.get("/overview")).text
        layers = (await browser.get("/overview/map.json")).json()
    async with signed_in(site, pool, "role:operator", "place:990102") as browser:
        nothing = (await browser.get("/overview/map.json")).json()

    assert 'id="figure-open">3<' in page
    assert [cell[2] for cell in layers["cells"]] == [2]
    assert nothing["cells"] == nothing["points"] == []


async def test_where_a_confidential_case_is_no_map_shows(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", now: datetime
) -> None:
    """Neither alone in its cell nor among others, from which points could be subtracted; figures count it."""
    async with signed_in(site, pool, "role:operator") as browser:
        layers = (await browser.get("/overview/map.json")).json()
        alone = (await browser.get("/overview/map.json?class_code=C0137")).json()
        page = (await browser.get("/overview?class_code=C0137")).text

    assert len(layers["points"]) == sum(cell[2] for cell in layers["cells"]) == 2
    assert alone["cells"] == alone["points"] == []
    assert 'id="figure-open">1<' in page


async def test_borders_are_the_packs_in_the_readers_language(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", now: datetime
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        english = (await browser.get("/overview/borders.json")).json()
        await browser.get("/overview?lang=zh")
        chinese = (await browser.get("/overview/borders.json")).json()

    assert [each["properties"]["name"] for each in english["features"]] == ["West", "East"]
    assert [each["properties"]["name"] for each in chinese["features"]] == ["西区", "东区"]


async def test_the_page_is_whole_without_script(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", now: datetime
) -> None:
    async with signed_in(site, pool, "role:monitor") as browser:
        page = (await browser.get("/overview?class_code=E0110")).text

    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in page
    assert 'href="/overview?city=tiny&amp;class_code=E0110"' in page
    hours = page.partition('id="hours"')[2].partition("</table>")[0]
    assert "<tr>" in hours
    assert not re.search(r'class="number">\s', hours), "blanks would be read as 0 of an hour to come"
    assert " style=" not in page


def test_an_event_keeps_its_lines() -> None:
    assert server_sent_event("figures", "<p>\n1</p>") == b"event: figures\ndata: <p>\ndata: 1</p>\n\n"
