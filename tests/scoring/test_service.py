"""The whole service on real servers: the fold survives kills and disorder, figures are published, a rebuild agrees."""

import random
import signal
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest

from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.state import CaseState
from tests import servers as real
from tests.polling import poll
from tests.scoring import case_histories, database_fixture, oracle
from tests.scoring.case_histories import (
    accept,
    ask,
    assign,
    close,
    finish,
    give_back,
    join,
    reopen,
    rework,
    void,
)
from tests.scoring.scoring_service import (
    Town,
    becomes,
    edge_of,
    ended,
    kill,
    town,
)

LIVES: Final = (
    (assign("a"), accept, finish, close, ask("satisfied")),
    (assign("a", hours=1), accept, give_back, assign("b"), accept, finish, rework, finish, close),
    (assign("b"), accept, finish, close, ask("dissatisfied"), reopen, finish, close),
    (assign("a"), void),
    (join,),
    (),
)


@pytest.fixture
async def quiet_town(servers: real.Servers, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Town]:
    """Give a town in which nothing runs yet."""
    async with town(servers, topic_prefix, tmp_path) as made:
        yield made


def lives(number: int) -> list[CaseState]:
    """Give every version of so many cases, reported over three days."""
    pack = database_fixture.version(database_fixture.pack())
    return [
        state
        for each in range(number)
        for state in case_histories.lived(
            case_histories.opened(each, pack=pack, at=case_histories.START + timedelta(hours=each % 72)),
            LIVES[each % len(LIVES)],
        )
    ]


def disordered(states: list[CaseState], seed: int) -> list[CaseState]:
    """Say a fifth of it twice, and all of it in any order."""
    chance = random.Random(seed)  # noqa: S311 - a test has to be repeatable, not secret
    again = chance.sample(states, len(states) // 5)
    return chance.sample([*states, *again], len(states) + len(again))


def final(states: list[CaseState]) -> int:
    return sum(state.version for state in oracle.highest(states))


async def test_kills_repeats_and_disorder_change_nothing(quiet_town: Town) -> None:
    states = lives(900)
    running = quiet_town.start("--only", "loop")

    arriving = disordered(states, seed=1)
    for begin in range(0, len(arriving), 1500):
        await quiet_town.tell(arriving[begin : begin + 1500])
        kill(running)
        running = quiet_town.start("--only", "loop")
    await quiet_town.reaches(final(states), within_s=60)

    expected = sorted(oracle.lines(states, "Asia/Shanghai"))
    assert await database_fixture.facts(quiet_town.pool) == expected
    assert await database_fixture.tallies(quiet_town.pool) == oracle.tallied(expected)
    running.send_signal(signal.SIGTERM)
    assert await ended(running) == 0, quiet_town.said()


async def test_a_rebuild_gives_the_same_bytes(quiet_town: Town) -> None:
    """The log is the truth; what we keep of it must be nothing but a function of it."""
    states = lives(400)
    running = quiet_town.start("--only", "loop")
    await quiet_town.tell(disordered(states, seed=2))
    await quiet_town.reaches(final(states))
    lived = await quiet_town.dump()
    running.send_signal(signal.SIGTERM)
    await ended(running)
    await quiet_town.pool.execute("UPDATE fact SET facts = 0 WHERE case_id IN (SELECT case_id FROM fact LIMIT 50)")

    assert await ended(quiet_town.start("--rebuild"), within_s=60) == 0, quiet_town.said()

    assert await quiet_town.dump() == lived
    assert len(lived) > 400


async def test_a_rebuild_beside_the_running_service_agrees_too(quiet_town: Town) -> None:
    """Nobody has to stop the city's scores; the service finds its positions moved and reads on from there."""
    states = lives(300)
    running = quiet_town.start("--only", "loop")
    await quiet_town.tell(states)
    await quiet_town.reaches(final(states))
    lived = await quiet_town.dump()

    assert await ended(quiet_town.start("--rebuild"), within_s=60) == 0, quiet_town.said()

    await becomes(quiet_town.dump, lived, within_s=20, what="the same bytes")
    assert running.poll() is None, quiet_town.said()


async def test_figures_are_published_with_versions_and_the_newest_is_right(quiet_town: Town) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    states = lives(60)
    running = quiet_town.start(port=port)
    edge = await edge_of(port)
    await quiet_town.tell(states[: len(states) // 2])
    await poll(quiet_town.published, within_s=20, what="figures")
    kill(running)
    running = quiet_town.start(port=port)
    await quiet_town.tell(states)
    await quiet_town.reaches(final(states))

    monitor = await quiet_town.key("role:monitor")
    query = {"city": "tiny", "period": "2026-03", "by": "department"}
    await poll(lambda: edge_answers(edge, query, monitor), within_s=20, what="the edge is back")
    rows = (await edge.get("/v1/scores", params=query, headers=monitor)).json()["rows"]
    await edge.aclose()

    shown = {rate["score_id"]: rate["numerator"] for row in rows for rate in row["rates"].values()}
    await becomes(
        lambda: newest_numerators(quiet_town, set(shown)), shown, within_s=20, what="what is shown is published"
    )
    said = await quiet_town.published()
    assert {score.period for score in said} >= {"2026-03", "2026-03-02"}
    assert all(in_order(said, score_id) for score_id in shown)
    assert len({(score.score_id, score.version) for score in said if score.value is None}) > 0


async def newest_numerators(at: Town, wanted: set[str]) -> dict[str, int]:
    """Keep the highest version of each figure, as any reader would."""
    said = sorted(await at.published(), key=lambda score: score.version)
    return {score.score_id: score.numerator for score in said if score.score_id in wanted}


async def edge_answers(edge: httpx.AsyncClient, query: dict[str, str], who: dict[str, str]) -> bool:
    """Tell whether the edge answers."""
    try:
        return (await edge.get("/v1/scores", params=query, headers=who)).status_code == 200
    except httpx.TransportError:
        return False


def in_order(said: list[ScoreUpdated], score_id: str) -> bool:
    """Tell whether a figure's versions appeared one after the other, whatever was repeated."""
    versions = list(dict.fromkeys(score.version for score in said if score.score_id == score_id))
    return versions == sorted(versions)


async def test_poison_is_set_aside_and_neighbours_are_counted(quiet_town: Town) -> None:
    states = lives(6)
    quiet_town.start("--only", "loop")
    await quiet_town.tell(states[:3])
    for poison in (b"not json", b"{}", b'{"type": "case.exploded.v2"}', b'{"type": "case.opened.v1", "case_id": "x"}'):
        await quiet_town.tell_raw(states[0].case_id, poison)
    await quiet_town.tell(states[3:])

    await quiet_town.reaches(final(states))

    buried = await quiet_town.pool.fetch("SELECT reason, detail FROM dead_letter ORDER BY reason, detail")
    assert [(row["reason"], row["detail"]) for row in buried] == [
        ("invalid", "case_id"),
        ("unknown_type", "type"),
        ("unknown_type", "type"),
        ("unreadable", ""),
    ]


async def test_a_pack_nobody_published_halts_the_service(quiet_town: Town) -> None:
    """Without the pack nobody knows on which day a report counts; guessing would be worse than stopping."""
    running = quiet_town.start("--only", "loop")
    await quiet_town.tell([case_histories.opened(1, pack="f" * 64)])

    assert await ended(running) == 75, quiet_town.said()

    assert await ended(quiet_town.start("--only", "loop")) == 75
    assert await quiet_town.pool.fetchval("SELECT reason FROM halt") == "city_pack_missing"
