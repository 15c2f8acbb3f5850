"""Ticket bodies as integrations send them."""

import uuid
from typing import Any

POSITION = {"x": 117.005, "y": 36.005, "crs": "wgs84"}


def build_ticket(**overrides: object) -> dict[str, Any]:
    """Return a ticket with a new ``source_ref``."""
    return {"source_ref": uuid.uuid4().hex, "category": "环境卫生/暴露垃圾", "position": POSITION} | overrides
