"""A town whose bureaus have squads and contractors: its policy, and cases in it."""

from typing import Any

from paidan_dispatch.cases.policy import CityPolicy
from tests.dispatch.sample_pack import pack_document, policy_of


def unit(id_: str, parent: str, kind: str, **more: object) -> dict[str, Any]:
    """Return a unit that acts through its bureau."""
    names = {"zh": f"{id_}单位", "en": id_}
    return {"id": id_, "names": names, "kind": "unit", "unit": kind, "parent": parent, "channel": "bureau", **more}


UNITS = [
    unit("north-squad", "north", "squad", enforcement=True, district="1"),
    unit("north-street", "north", "street_office", district="1"),
    unit("north-cleaners", "north", "contractor", enforcement=False, district="1"),
    unit("far-squad", "south", "squad", enforcement=True, district="2"),
]


def policy_with_units(*, confirmed: bool = True, enforcement: tuple[str, ...] = (), **more: object) -> CityPolicy:
    """Return the policy of the town with units below its departments."""
    document = pack_document()
    document["departments"] += UNITS
    document["hand_on"] = {"share": 0.5, "confirmed": confirmed}
    if enforcement:
        document["enforcement"] = {"classes": enforcement}
    return policy_of(document | more)
