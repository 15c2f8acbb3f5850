"""Runs the cockpit's consumer as a process on a real Kafka and PostgreSQL, and reads its read model."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from paidan_chassis.kafka.cluster import TopicSpec
from paidan_chassis.kafka.message import Message
from paidan_cockpit.case_rows import ReadModelRow
from paidan_contracts.checks import CONSERVATION, ConservationChecked
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.topics import CASES, CHECKS, OUTCOMES, SCORES
from tests import consumer_service, vault
from tests import servers as real
from tests.cockpit import database_fixture
from tests.consumer_service import ConsumerService
from tests.fork_server import ForkedProcess

TOPICS: Final = {
    CASES.name: TopicSpec(2, CASES.config),
    CHECKS.name: TopicSpec(1, CHECKS.config),
    OUTCOMES.name: TopicSpec(2, OUTCOMES.config),
    SCORES.name: TopicSpec(1, SCORES.config),
}
ACTIVE_COLUMNS: Final = (
    "due_at", "reported_at", "hops", "awaits_call", "past", "confidential", "ended_at", "latitude", "longitude", "city",
    "status", "source", "class_code", "district", "street", "department", "community", "helpers", "number", "case_id",
)  # fmt: skip
READ_MODEL: Final = {
    "case_row": f"SELECT {', '.join(ReadModelRow._fields)} FROM case_row ORDER BY case_id",
    "active_case": f"SELECT {', '.join(ACTIVE_COLUMNS)} FROM active_case ORDER BY case_id",
    "report_row": "SELECT report_id::text, city, source, recorded_at FROM report_row ORDER BY 1",
    "case_words": "SELECT case_id, city, reported_at, words FROM case_words ORDER BY case_id",
    "conservation_check": "SELECT check_id, checked_at, holds, result FROM conservation_check ORDER BY checked_at",
    "noted_report": "SELECT report_id::text, city, source, recorded_at FROM noted_report ORDER BY 1",
    "suppressed_alarm": "SELECT alarm_id::text, recorded_at FROM suppressed_alarm ORDER BY 1",
    "suppressed_tally": "SELECT quarter, city, source, reason, alarms, last_at FROM suppressed_tally ORDER BY 1, 4",
    "city_score": (
        "SELECT score_id::text, version, city, period, indicator, numerator, denominator FROM city_score ORDER BY 1"
    ),
    "word_queue": "SELECT case_id FROM word_queue",
}
"""Every table of the read model; of the queue nothing stays."""


class CockpitService(ConsumerService):
    """The cockpit, with its read model."""

    def start(self, *arguments: str, kill_point: str = "", **settings: str) -> ForkedProcess:
        """Start the service, a component or a rebuild; with a ``kill_point`` it kills itself there."""
        module = ("tests.chaos.statement_kill_points", f"cockpit:{kill_point}") if kill_point else ("paidan_cockpit",)
        return self.start_process("cockpit", *module, *arguments, COCKPIT_TOKEN_KEY=vault.KEY, **settings)

    async def publish_checks(self, checks: Sequence[ConservationChecked]) -> None:
        """Publish results of conservation checks, as `paidan verify` would."""
        await self.publisher.send(
            [Message(CHECKS.name, CONSERVATION, each.model_dump_json().encode(), ()) for each in checks]
        )

    async def publish_outcomes(self, outcomes: Sequence[OutcomeDecided]) -> None:
        """Publish outcomes of reports, as the relays of intake and dispatch would."""
        await self.publisher.send(
            [Message(OUTCOMES.name, each.id, each.model_dump_json(exclude_none=True).encode(), ()) for each in outcomes]
        )

    async def publish_scores(self, scores: Sequence[ScoreUpdated]) -> None:
        """Publish scores, as scoring does."""
        await self.publisher.send(
            [Message(SCORES.name, each.score_id, each.model_dump_json().encode(), ()) for each in scores]
        )

    async def read_tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Return the rows of every table of the read model, in the order of their keys."""
        return {table: [tuple(row) for row in await self.pool.fetch(query)] for table, query in READ_MODEL.items()}

    async def index_names(self) -> set[str]:
        """Return the names of the indexes of cases and words."""
        rows = await self.pool.fetch(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'cockpit' AND tablename IN ('case_row', 'case_words')"
        )
        return {row["indexname"] for row in rows}


def running_service(
    servers: real.ServerAddresses, prefix: str, folder: Path
) -> AbstractAsyncContextManager[CockpitService]:
    """Create topics and tables; stop the processes at the end."""
    return consumer_service.running_service(
        CockpitService, servers, prefix, folder, topics=TOPICS, open_pool=database_fixture.open_pool
    )
