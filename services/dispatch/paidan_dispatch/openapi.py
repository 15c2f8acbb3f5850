"""Writes dispatch's OpenAPI document: ``python -m paidan_dispatch.openapi > contracts/openapi/dispatch.json``."""

import json
import sys
from typing import cast

from paidan_chassis.clock import RealClock
from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig
from paidan_chassis.edge.change_watch import ChangeWatch
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_dispatch.actions.http import ActionRoutes
from paidan_dispatch.actions.requests import CityTerms
from paidan_dispatch.api.order_routes import OrderRoutes
from paidan_dispatch.api.order_tags import OrdersOf
from paidan_dispatch.api.reads import ReadRoutes
from paidan_dispatch.app import TITLE, VERSION, create_http_app
from paidan_dispatch.city_packs import PackCache


def document() -> str:
    """Return the document as JSON, without connecting to anything."""
    metrics, pool = Metrics("dispatch"), cast(Pool, None)
    read_routes = ReadRoutes(pool, PackCache(), RealClock())
    action_routes = ActionRoutes(pool, PackCache(), RealClock(), cast(Publisher, None), CityTerms(PackCache()))
    app = create_http_app(
        EdgeConfig(TITLE, VERSION, KeyRing(pool), Health(metrics), metrics),
        read_routes,
        OrderRoutes(pool, PackCache(), RealClock(), cast(ChangeWatch[OrdersOf], None)),
        action_routes,
        cast(Cipher, None),
    )
    return json.dumps(app.openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
