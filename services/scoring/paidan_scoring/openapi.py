"""Writes scoring's OpenAPI document: ``python -m paidan_scoring.openapi > contracts/openapi/scoring.json``."""

import json
import sys
from typing import cast

from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_scoring.app import TITLE, VERSION, create_http_app


def document() -> str:
    """Return the document as JSON, without connecting to anything."""
    metrics = Metrics("scoring")
    edge_config = EdgeConfig(TITLE, VERSION, KeyRing(cast(Pool, None)), Health(metrics), metrics)
    app = create_http_app(edge_config, cast(Pool, None), cast(Publisher, None), cast(Cipher, None))
    return json.dumps(app.openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
