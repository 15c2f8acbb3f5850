"""Who follows one record through the code has few modules to open."""

from typing import Final

import pytest

from tests.boundaries.roads import ROADS, listing
from tests.boundaries.tracer import modules
from tests.servers import ServerAddresses

BEFORE: Final = {"http to inbox": 28, "inbox to case": 51, "case to score": 24, "answer to closure": 56}
"""What each road entered in release 0.1.0; half of it is the most now: 14, 25, 12, 28."""
SERVICES: Final = {
    "http to inbox": "paidan_intake",
    "inbox to case": "paidan_dispatch",
    "case to score": "paidan_scoring",
    "answer to closure": "paidan_dispatch",
}


@pytest.mark.parametrize("road", ROADS)
async def test_a_road_enters_half_the_modules_it_did(servers: ServerAddresses, road: str) -> None:
    calls = await ROADS[road](servers)
    entered = modules(calls)

    assert {SERVICES[road], "paidan_chassis"} <= {module.partition(".")[0] for module in entered}, "nothing was seen"
    assert len(entered) <= BEFORE[road] // 2, f"{len(entered)} modules\n{listing(calls)}"
