"""Writes dispatch's OpenAPI document: ``python -m paidan_dispatch.openapi > contracts/openapi/dispatch.json``."""

import json
import sys
from typing import cast

from paidan_chassis.clock import RealClock
from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import Face
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_dispatch.actions.http import ActionRoutes
from paidan_dispatch.api.reads import LookingRoutes
from paidan_dispatch.app import TITLE, VERSION, edge_on
from paidan_dispatch.city_packs import Cities


def document() -> str:
    """Give the document; describing an edge opens nothing."""
    metrics, pool = Metrics("dispatch"), cast(Pool, None)
    looking = LookingRoutes(pool, Cities(), RealClock())
    acting = ActionRoutes(pool, Cities(), RealClock(), cast(Publisher, None))
    edge = edge_on(Face(TITLE, VERSION, KeyRing(pool), Health(metrics), metrics), looking, acting)
    return json.dumps(edge.openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
