"""A city with offices of two districts, and a case of it, for tests of routing rules."""

from datetime import datetime, timedelta, timezone
from typing import Final

from paidan_contracts.city import PlaceCodes, Routed, RoutingInput, Unrouted
from tests.contracts.city_packs import load_tiny

TINY: Final = load_tiny()
SHANGHAI: Final = timezone(timedelta(hours=8))
MONDAY_NOON: Final = datetime(2026, 3, 2, 10, 0, tzinfo=SHANGHAI)
WEST: Final = PlaceCodes("990101", "990101001", "990101001001", "990101001001001")
EAST: Final = PlaceCodes("990102", "990102001", "990102001001", "990102001001001")
CASE: Final = RoutingInput(class_code="E0401", place=WEST, channel="photo", source="photo", at=MONDAY_NOON)
PACK_WITH_OFFICES: Final = TINY.pack.model_copy(
    update={
        "departments": (
            *TINY.pack.departments,
            *(
                TINY.pack.departments[0].model_copy(update={"id": name, "kind": "office", "district": code})
                for name, code in (("west-office", "990101"), ("east-office", "990102"))
            ),
        )
    }
)


def rule_id_for(decision: Routed | Unrouted) -> str | None:
    return decision.rule if isinstance(decision, Routed) else None
