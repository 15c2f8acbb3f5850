"""The whole service on real servers: folding survives kills and disorder, scores are published, a rebuild agrees."""

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
    assign,
    call_back,
    close,
    finish,
    join,
    reopen,
    return_case,
    rework,
    void,
)
from tests.scoring.scoring_service import (
    ScoringService,
    await_exit,
    await_value,
    kill_process,
    open_edge_client,
    running_service,
)

pytestmark = pytest.mark.takes(seconds=30)

CASE_MOVES: Final = (
    (assign("a"), accept, finish, close, call_back("satisfied")),
    (assign("a", hours=1), accept, return_case, assign("b"), accept, finish, rework, finish, close),
    (assign("b"), accept, finish, close, call_back("dissatisfied"), reopen, finish, close),
    (assign("a"), void),
    (join,),
    (),
)


@pytest.fixture
async def stopped_service(
    servers: real.ServerAddresses, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[ScoringService]:
    """Prepare a service's data; no process runs yet."""
    async with running_service(servers, topic_prefix, tmp_path) as running:
        yield running


def histories(number: int) -> list[CaseState]:
    """Return every version of so many cases, reported over three days."""
    pack = database_fixture.pack_version(database_fixture.pack_bytes())
    return [
        state
        for each in range(number)
        for state in case_histories.history(
            case_histories.new_case(each, pack=pack, at=case_histories.START + timedelta(hours=each % 72)),
            CASE_MOVES[each % len(CASE_MOVES)],
        )
    ]


def shuffled(states: list[CaseState], seed: int) -> list[CaseState]:
    """Return the states in random order, a fifth of them twice."""
    rng = random.Random(seed)  # noqa: S311 - a test has to be repeatable, not secret
    again = rng.sample(states, len(states) // 5)
    return rng.sample([*states, *again], len(states) + len(again))


def latest_version_sum(states: list[CaseState]) -> int:
    return sum(state.version for state in oracle.latest_states(states))


async def test_kills_repeats_and_disorder_change_nothing(stopped_service: ScoringService) -> None:
    states = histories(900)
    running = stopped_service.start("--only", "loop")

    arriving = shuffled(states, seed=1)
    for begin in range(0, len(arriving), 1500):
        await stopped_service.publish_states(arriving[begin : begin + 1500])
        kill_process(running)
        running = stopped_service.start("--only", "loop")
    await stopped_service.await_versions(latest_version_sum(states), within_s=60)

    expected = sorted(oracle.expected_facts(states, "Asia/Shanghai"))
    assert await database_fixture.read_facts(stopped_service.pool) == expected
    assert await database_fixture.read_tallies(stopped_service.pool) == oracle.expected_tallies(expected)
    running.send_signal(signal.SIGTERM)
    assert await await_exit(running) == 0, stopped_service.log_text()


async def test_a_rebuild_gives_the_same_bytes(stopped_service: ScoringService) -> None:
    """Facts and tallies are a function of the log alone."""
    states = histories(400)
    running = stopped_service.start("--only", "loop")
    await stopped_service.publish_states(shuffled(states, seed=2))
    await stopped_service.await_versions(latest_version_sum(states))
    before_replay = await stopped_service.dump_tables()
    running.send_signal(signal.SIGTERM)
    await await_exit(running)
    await stopped_service.pool.execute("UPDATE fact SET facts = 0 WHERE case_id IN (SELECT case_id FROM fact LIMIT 50)")

    assert await await_exit(stopped_service.start("--rebuild"), within_s=60) == 0, stopped_service.log_text()

    assert await stopped_service.dump_tables() == before_replay
    assert len(before_replay) > 400


async def test_a_rebuild_beside_the_running_service_agrees_too(stopped_service: ScoringService) -> None:
    """The service need not be stopped: it finds its positions moved and consumes from there."""
    states = histories(300)
    running = stopped_service.start("--only", "loop")
    await stopped_service.publish_states(states)
    await stopped_service.await_versions(latest_version_sum(states))
    before_replay = await stopped_service.dump_tables()

    assert await await_exit(stopped_service.start("--rebuild"), within_s=60) == 0, stopped_service.log_text()

    await await_value(stopped_service.dump_tables, before_replay, what="the same bytes")
    assert running.poll() is None, stopped_service.log_text()


async def test_scores_are_published_with_versions_and_the_newest_is_right(stopped_service: ScoringService) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    states = histories(60)
    running = stopped_service.start(port=port)
    edge = await open_edge_client(port)
    await stopped_service.publish_states(states[: len(states) // 2])
    await poll(stopped_service.published_scores, what="published scores")
    kill_process(running)
    running = stopped_service.start(port=port)
    await stopped_service.publish_states(states)
    await stopped_service.await_versions(latest_version_sum(states))

    monitor = await stopped_service.create_key("role:monitor")
    query = {"city": "tiny", "period": "2026-03", "by": "department"}
    await poll(lambda: await_edge(edge, query, monitor), what="the edge is back")
    rows = (await edge.get("/v1/scores", params=query, headers=monitor)).json()["rows"]
    await edge.aclose()

    response = {rate["score_id"]: rate["numerator"] for row in rows for rate in row["rates"].values()}
    await await_value(
        lambda: newest_numerators(stopped_service, set(response)),
        response,
        what="what is shown is published",
    )
    published = await stopped_service.published_scores()
    assert {score.period for score in published} >= {"2026-03", "2026-03-02"}
    assert all(in_order(published, score_id) for score_id in response)
    assert len({(score.score_id, score.version) for score in published if score.value is None}) > 0


async def newest_numerators(running: ScoringService, expected: set[str]) -> dict[str, int]:
    """Return the highest version of each score, as any reader would."""
    published = sorted(await running.published_scores(), key=lambda score: score.version)
    return {score.score_id: score.numerator for score in published if score.score_id in expected}


async def await_edge(edge: httpx.AsyncClient, query: dict[str, str], headers: dict[str, str]) -> bool:
    """Return whether the edge answers."""
    try:
        return (await edge.get("/v1/scores", params=query, headers=headers)).status_code == 200
    except httpx.TransportError:
        return False


def in_order(published: list[ScoreUpdated], score_id: str) -> bool:
    """Return whether a score's versions appeared in order, whatever was repeated."""
    versions = list(dict.fromkeys(score.version for score in published if score.score_id == score_id))
    return versions == sorted(versions)


async def test_poison_record_is_dead_lettered_alone(stopped_service: ScoringService) -> None:
    states = histories(6)
    stopped_service.start("--only", "loop")
    await stopped_service.publish_states(states[:3])
    for poison in (b"not json", b"{}", b'{"type": "case.exploded.v2"}', b'{"type": "case.opened.v1", "case_id": "x"}'):
        await stopped_service.publish_raw(states[0].case_id, poison)
    await stopped_service.publish_states(states[3:])

    await stopped_service.await_versions(latest_version_sum(states))

    buried = await stopped_service.pool.fetch("SELECT reason, detail FROM dead_letter ORDER BY reason, detail")
    assert [(row["reason"], row["detail"]) for row in buried] == [
        ("invalid_field", "case_id"),
        ("unknown_type", "type"),
        ("unknown_type", "type"),
        ("unreadable", ""),
    ]


async def test_an_unpublished_pack_halts_the_service(stopped_service: ScoringService) -> None:
    """Without the pack the day of a report is unknown; a wrong count would be worse than a halt."""
    running = stopped_service.start("--only", "loop")
    await stopped_service.publish_states([case_histories.new_case(1, pack="f" * 64)])

    await await_halt(stopped_service, times=1)
    kill_process(running)
    running = stopped_service.start("--only", "loop")

    await await_halt(stopped_service, times=2)
    assert running.poll() is None
    assert await stopped_service.pool.fetchval("SELECT reason FROM halt") == "city_pack_missing"


async def await_halt(service: ScoringService, *, times: int) -> None:
    """Wait until a loop has logged its halt so many times."""
    await poll(lambda: service.log_text().count("loop_halted") >= times, within_s=30, what="the loop halts")
