"""Prints intake's OpenAPI document: ``python -m paidan_intake.openapi > contracts/openapi/intake.json``."""

import json
import sys
from types import SimpleNamespace
from typing import cast

from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_intake.api.submission import ApiContext
from paidan_intake.app import TITLE, VERSION, create_http_app
from paidan_intake.settings import Settings


def document() -> str:
    """Return the document, without opening anything."""
    metrics = Metrics("intake")
    edge_config = EdgeConfig(TITLE, VERSION, KeyRing(cast(Pool, None)), Health(metrics), metrics)
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    unopened = SimpleNamespace(settings=SimpleNamespace(**defaults), pool=None, publisher=None, cipher=None)
    app = create_http_app(edge_config, cast(ApiContext, unopened))
    return json.dumps(app.openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
