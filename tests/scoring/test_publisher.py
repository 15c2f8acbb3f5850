"""What goes out on ``paidan.scores``: what changed, by the definitions in use, and nothing while it is incomplete."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from paidan_chassis.clock import RealClock
from paidan_chassis.settings import ServiceSettings
from paidan_contracts.scores import ScoreUpdated
from paidan_scoring import publish_queries
from paidan_scoring.city_packs import Packs
from paidan_scoring.handlers import Fold
from paidan_scoring.publisher import Means, Scores, resting_s
from tests import servers as real
from tests.scoring import case_histories, database_fixture
from tests.scoring.case_histories import (
    accept,
    assign,
    close,
    finish,
    refile,
)
from tests.scoring.scoring_service import Town, town

PACK: Final = database_fixture.version(database_fixture.pack())


@pytest.fixture
async def told(servers: real.Servers, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Town]:
    """Give a town in which one case was closed; nothing is published yet."""
    async with town(servers, topic_prefix, tmp_path) as made:
        await happen(made, assign("a"), accept, finish, close)
        yield made


async def happen(at: Town, *moves: case_histories.Move) -> None:
    """Let this much of a case's life be folded in."""
    states = list(case_histories.lived(case_histories.opened(1, pack=PACK), moves))
    records = [case_histories.record(state, offset=offset) for offset, state in enumerate(states)]
    await database_fixture.fold(at.pool, Fold(Packs(at.pool)), records)


def scores(at: Town) -> Scores:
    """Make a publisher that knows nothing yet, as after a start."""
    return Scores(Means(at.pool, Packs(at.pool), at.publisher, RealClock()), every_s=1)


async def newest(at: Town) -> dict[tuple[str, str, str, str], ScoreUpdated]:
    """Keep the highest version of each figure."""
    said = sorted(await at.published(), key=lambda score: score.version)
    return {(score.period, score.by, score.key, score.indicator): score for score in said}


async def test_only_what_changed_is_said_again(told: Town) -> None:
    publisher = scores(told)
    first = await publisher.publish()

    await told.pool.execute("INSERT INTO mark (city, day) SELECT city, day FROM fact")
    again = await publisher.publish()

    assert first == len(await told.published()) > 0
    assert again == 0
    figure = (await newest(told))["2026-03", "department", "a", "closing"]
    assert (figure.numerator, figure.denominator, figure.value) == (1, 1, 1.0)
    assert figure.indicator_version == "tiny-1"


async def test_what_kafka_did_not_acknowledge_is_said_again_under_the_same_version(told: Town) -> None:
    """The process died between the acknowledgement and its note, or before: nobody can tell which."""
    await scores(told).publish()
    said = await told.published()
    await told.pool.execute("UPDATE score SET published = 0")

    await scores(told).publish()

    assert [score for score in await told.published() if score not in said] == []
    assert len(await told.published()) == 2 * len(said)


async def test_a_key_that_nothing_is_counted_under_any_more_does_not_keep_its_last_figure(told: Town) -> None:
    await scores(told).publish()
    before = (await newest(told))["2026-03", "class", "E0110", "closing"]

    await happen(told, assign("a"), accept, finish, close, refile("E0199", "9-9"))
    await scores(told).publish()

    found = await newest(told)
    old, new = (found["2026-03", "class", code, "closing"] for code in ("E0110", "E0199"))
    assert old.version > before.version
    assert (old.denominator, old.value) == (0, None)
    assert (new.denominator, new.value) == (1, 1.0)


async def test_a_new_version_of_the_indicators_needs_no_new_events(told: Town) -> None:
    """Tallies count sets of facts, so a city may redefine what it counts without a recount."""
    publisher = scores(told)
    await publisher.publish()
    content = json.loads(database_fixture.pack())
    content["indicators"]["version"] = "tiny-2"
    closed = next(count for count in content["indicators"]["counts"] if count["id"] == "closed")
    closed["holds"] = "closed and rated"

    await database_fixture.publish(told.pool, json.dumps(content, sort_keys=True).encode())
    await publisher.publish()

    figure = (await newest(told))["2026-03", "department", "a", "closing"]
    assert (figure.indicator_version, figure.numerator, figure.denominator) == ("tiny-2", 0, 1)


async def test_a_figure_of_nothing_does_not_have_a_city_recomputed_at_every_start(told: Town) -> None:
    """The last word of a key that nothing is counted under any more keeps the version it was said by."""
    await scores(told).publish()
    await happen(told, assign("a"), accept, finish, close, refile("E0199", "9-9"))
    await scores(told).publish()
    content = json.loads(database_fixture.pack())
    content["indicators"]["version"] = "tiny-2"
    await database_fixture.publish(told.pool, json.dumps(content, sort_keys=True).encode())
    assert await scores(told).publish() > 0

    assert await scores(told).publish() == 0
    async with told.pool.acquire() as conn:
        await publish_queries.mark_if_redefined(conn, "tiny", indicator_version="tiny-2")

    assert await told.pool.fetchval("SELECT count(*) FROM mark") == 0


async def test_a_restored_database_says_no_version_again(told: Town) -> None:
    """Readers keep the highest version; what is computed after a restore must be higher than all they have seen."""
    await scores(told).publish()
    seen = (await newest(told))["2026-03", "department", "a", "closing"]
    await told.pool.execute("UPDATE score SET version = 1, published = 1")

    await happen(told, assign("a"), accept, finish, close, case_histories.reopen)
    await scores(told).publish()

    figure = (await newest(told))["2026-03", "department", "a", "closing"]
    assert figure.version > seen.version
    assert (figure.numerator, figure.denominator, figure.value) == (0, 0, None)


async def test_one_process_publishes_at_a_time(told: Town) -> None:
    """An older figure appended after a newer one would be what compaction keeps."""
    async with told.pool.acquire() as other:
        assert await publish_queries.become_publisher(other)

        assert await scores(told).publish() == 0

        await publish_queries.resign(other)
    assert await scores(told).publish() > 0


async def test_nothing_is_published_while_facts_are_made_anew(told: Town) -> None:
    await told.pool.execute(
        "INSERT INTO lane (consumer, topic, partition, next_offset) VALUES ('scoring', 'paidan.cases', 0, 10)"
    )
    await told.pool.execute("INSERT INTO rebuild (partition, until) VALUES (0, 11)")
    held = await scores(told).publish()

    await told.pool.execute("UPDATE lane SET next_offset = 11")

    assert held == 0
    assert await scores(told).publish() > 0


@pytest.mark.parametrize("took_s", [0.0, 0.2, 3.1, 600.0])
def test_figures_that_are_dear_rest_longer_but_never_so_long_that_the_loop_passes_for_dead(took_s: float) -> None:
    """A server that is away, or a slow machine, makes one round long; the process must not be ended for its rest."""
    ended_after_s = ServiceSettings.model_fields["stalls_after_s"].default

    rest_s = resting_s(took_s, every_s=2.0)

    assert 2.0 <= rest_s < ended_after_s / 2
