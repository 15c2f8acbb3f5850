"""Few modules have to be opened to follow one record through the code."""

import re
from typing import Final

import pytest

from tests.boundaries.roads import ROADS, list_modules
from tests.boundaries.test_member_dependencies import ROOT
from tests.boundaries.tracer import modules_entered
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=20)

MODULES_IN_0_1_0: Final = {"http to inbox": 28, "inbox to case": 51, "case to score": 24, "answer to closure": 56}
"""Modules entered in release 0.1.0; the bound is half of them: 14, 25, 12, 28."""
JUSTIFIED: Final = {"inbox to case": 10, "answer to closure": 17, "case to score": 1, "http to inbox": 12}
"""Modules beyond that. edge.routes judges key, query and headers before it reads a body, on every FastAPI route.
json_bodies refuses a field that is stated twice, at the doors over HTTP and over Kafka alike. contracts.lenient reads
answers and actions, too. cases.order_changes tells in which words an order changes.
Masking reads any spelling of a number, by words and patterns that are a city's, which is more than one module can show;
a digest that travels is keyed. contracts.lenient reads blanks and spellings of other systems, and intake.resolution
what a ticket means in its city, with notes to its sender. What a batch says is written once, as the record batches that
Kafka will store: consumer.outbox_chunks places each message, kafka.record_batch is their format. city.city says which
reports are noted without a case: to dispatch, which decides so, and to intake, whose dry run tells it beforehand.
edge.hot_routes fences what serves a ticket ahead of the framework, and contracts.unvalidated builds a report from
checked parts: each at half the cost. consumer.owned_lanes holds what a lane remembers beside what is
written for it, and consumer.writes makes one statement of a small batch; values of rows are apart from the order in
which dispatch writes them. edge.exchange is one request and its response, apart from what is done with them.
inbox.outcome_builders builds the outcomes of what inbox.decide_batch decides.
Which timers run in a state (cases.timers), what photos prove (cases.proofs) and whether a department only helps
(transitions.helper_orders), who may act at all (cases.authority), when a limit of working time ends
(cases.working_time) and where on the earth a report looks for others (matching.squares) are questions of their own."""
SERVICES: Final = {
    "http to inbox": "paidan_intake",
    "inbox to case": "paidan_dispatch",
    "case to score": "paidan_scoring",
    "answer to closure": "paidan_dispatch",
}


@pytest.mark.parametrize("road", ROADS)
async def test_road_enters_at_most_half_the_modules_of_release_0_1_0(servers: ServerAddresses, road: str) -> None:
    calls = await ROADS[road](servers)
    entered = modules_entered(calls)

    assert {SERVICES[road], "paidan_chassis"} <= {module.partition(".")[0] for module in entered}, (
        "the tracer saw no calls"
    )
    assert len(entered) <= MODULES_IN_0_1_0[road] // 2 + JUSTIFIED.get(road, 0), (
        f"{len(entered)} modules\n{list_modules(calls)}"
    )
    assert documented_modules(road) == set(entered), "ARCHITECTURE.md lists other modules"


def documented_modules(road: str) -> set[str]:
    """Return the modules that ARCHITECTURE.md lists for a road."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.partition(f"Road `{road}`:")[2].partition("\n#")[0]
    return set(re.findall(r"`(paidan_[\w.]+)`", section))
