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
from paidan_scoring.city_packs import PackCache
from paidan_scoring.handlers import Fold
from paidan_scoring.publisher import PublisherContext, ScorePublisher, rest_duration_s
from tests import servers as real
from tests.scoring import case_histories, database_fixture
from tests.scoring.case_histories import accept, assign, close, finish, refile
from tests.scoring.scoring_service import ScoringService, running_service

pytestmark = pytest.mark.takes(seconds=10)

PACK: Final = database_fixture.pack_version(database_fixture.pack_bytes())


@pytest.fixture
async def closed_case_service(
    servers: real.ServerAddresses, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[ScoringService]:
    """Prepare a service's data with one closed case; nothing is published yet."""
    async with running_service(servers, topic_prefix, tmp_path) as running:
        await apply_moves(running, assign("a"), accept, finish, close)
        yield running


async def apply_moves(service: ScoringService, *moves: case_histories.CaseMove) -> None:
    """Fold a history as far as these moves."""
    states = list(case_histories.history(case_histories.new_case(1, pack=PACK), moves))
    records = [case_histories.case_record(state, offset=offset) for offset, state in enumerate(states)]
    await database_fixture.apply_records(service.pool, Fold(PackCache(service.pool)), records)


def new_publisher(service: ScoringService) -> ScorePublisher:
    """Create a publisher without any state, as after a start."""
    return ScorePublisher(
        PublisherContext(service.pool, PackCache(service.pool), service.publisher, RealClock()), interval_s=1
    )


async def latest_scores(service: ScoringService) -> dict[tuple[str, str, str, str], ScoreUpdated]:
    """Return the highest version of each score."""
    published = sorted(await service.published_scores(), key=lambda score: score.version)
    return {(score.period, score.by, score.key, score.indicator): score for score in published}


async def test_only_changed_scores_are_republished(closed_case_service: ScoringService) -> None:
    publisher = new_publisher(closed_case_service)
    first = await publisher.publish()

    await closed_case_service.pool.execute("INSERT INTO mark (city, day) SELECT city, day FROM fact")
    again = await publisher.publish()

    assert first == len(await closed_case_service.published_scores()) > 0
    assert again == 0
    score = (await latest_scores(closed_case_service))["2026-03", "department", "a", "closing"]
    assert (score.numerator, score.denominator, score.value) == (1, 1, 1.0)
    assert score.indicator_version == "tiny-1"


async def test_unacknowledged_score_is_republished_with_the_same_version(closed_case_service: ScoringService) -> None:
    """The process died before or after the acknowledgement: which of both is unknown."""
    await new_publisher(closed_case_service).publish()
    published = await closed_case_service.published_scores()
    await closed_case_service.pool.execute("UPDATE score SET published = 0")

    await new_publisher(closed_case_service).publish()

    assert [score for score in await closed_case_service.published_scores() if score not in published] == []
    assert len(await closed_case_service.published_scores()) == 2 * len(published)


async def test_score_of_an_empty_key_is_reset(closed_case_service: ScoringService) -> None:
    await new_publisher(closed_case_service).publish()
    before = (await latest_scores(closed_case_service))["2026-03", "class", "E0110", "closing"]

    await apply_moves(closed_case_service, assign("a"), accept, finish, close, refile("E0199", "9-9"))
    await new_publisher(closed_case_service).publish()

    found = await latest_scores(closed_case_service)
    old, new = (found["2026-03", "class", code, "closing"] for code in ("E0110", "E0199"))
    assert old.version > before.version
    assert (old.denominator, old.value) == (0, None)
    assert (new.denominator, new.value) == (1, 1.0)


async def test_a_new_version_of_the_indicators_needs_no_new_events(closed_case_service: ScoringService) -> None:
    """Tallies count sets of facts, so a city may redefine what it counts without a recount."""
    publisher = new_publisher(closed_case_service)
    await publisher.publish()
    content = json.loads(database_fixture.pack_bytes())
    content["indicators"]["version"] = "tiny-2"
    closed = next(count for count in content["indicators"]["counts"] if count["id"] == "closed")
    closed["holds"] = "closed and rated"

    await database_fixture.publish_pack(closed_case_service.pool, json.dumps(content, sort_keys=True).encode())
    await publisher.publish()

    score = (await latest_scores(closed_case_service))["2026-03", "department", "a", "closing"]
    assert (score.indicator_version, score.numerator, score.denominator) == ("tiny-2", 0, 1)


async def test_empty_scores_are_not_recomputed_at_every_start(closed_case_service: ScoringService) -> None:
    """The last score of a key that nothing is counted under any more keeps its version."""
    await new_publisher(closed_case_service).publish()
    await apply_moves(closed_case_service, assign("a"), accept, finish, close, refile("E0199", "9-9"))
    await new_publisher(closed_case_service).publish()
    content = json.loads(database_fixture.pack_bytes())
    content["indicators"]["version"] = "tiny-2"
    await database_fixture.publish_pack(closed_case_service.pool, json.dumps(content, sort_keys=True).encode())
    assert await new_publisher(closed_case_service).publish() > 0

    assert await new_publisher(closed_case_service).publish() == 0
    async with closed_case_service.pool.acquire() as conn:
        await publish_queries.mark_if_redefined(conn, "tiny", indicator_version="tiny-2")

    assert await closed_case_service.pool.fetchval("SELECT count(*) FROM mark") == 0


async def test_restored_database_reuses_no_version(closed_case_service: ScoringService) -> None:
    """Readers keep the highest version; what is computed after a restore must be higher than all they have seen."""
    await new_publisher(closed_case_service).publish()
    seen = (await latest_scores(closed_case_service))["2026-03", "department", "a", "closing"]
    await closed_case_service.pool.execute("UPDATE score SET version = 1, published = 1")

    await apply_moves(closed_case_service, assign("a"), accept, finish, close, case_histories.reopen)
    await new_publisher(closed_case_service).publish()

    score = (await latest_scores(closed_case_service))["2026-03", "department", "a", "closing"]
    assert score.version > seen.version
    assert (score.numerator, score.denominator, score.value) == (0, 0, None)


async def test_one_process_publishes_at_a_time(closed_case_service: ScoringService) -> None:
    """An older score appended after a newer one would be the one that compaction keeps."""
    async with closed_case_service.pool.acquire() as other:
        assert await publish_queries.try_lock(other)

        assert await new_publisher(closed_case_service).publish() == 0

        await publish_queries.unlock(other)
    assert await new_publisher(closed_case_service).publish() > 0


async def test_nothing_is_published_during_a_rebuild(closed_case_service: ScoringService) -> None:
    await closed_case_service.pool.execute(
        "INSERT INTO lane (consumer, topic, partition, next_offset) VALUES ('scoring', 'paidan.cases', 0, 10)"
    )
    await closed_case_service.pool.execute("INSERT INTO rebuild VALUES (0, 11, 'paidan.cases')")
    held = await new_publisher(closed_case_service).publish()

    await closed_case_service.pool.execute("UPDATE lane SET next_offset = 11")

    assert held == 0
    assert await new_publisher(closed_case_service).publish() > 0


@pytest.mark.parametrize("took_s", [0.0, 0.2, 3.1, 600.0])
def test_publish_interval_grows_with_cost_below_the_stall_timeout(took_s: float) -> None:
    """An outage or a slow machine makes one pass long; the watchdog must not end the process for its rest."""
    ended_after_s = ServiceSettings.model_fields["stalls_after_s"].default

    rest_s = rest_duration_s(took_s, interval_s=2.0)

    assert 2.0 <= rest_s < ended_after_s / 2
