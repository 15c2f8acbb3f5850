"""Writes the cockpit's OpenAPI document: ``python -m paidan_cockpit.openapi > contracts/openapi/cockpit.json``.

Pages are for people and not part of it: it has the routes for programs alone.
"""

import json
import sys
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig
from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.operations.context import OperatorContext
from paidan_cockpit.app import TITLE, VERSION, create_machine_app
from paidan_contracts.scopes import ALL_CITIES, OPERATOR_SCOPE

_NOBODY: Final = "http://127.0.0.1"


def document() -> str:
    """Return the document as JSON, without connecting to anything."""
    metrics, pool = Metrics("cockpit"), cast(Pool, None)
    signer = PersonTokenSigner(_NOBODY, _NOBODY, [Ed25519PrivateKey.generate()])
    operators = OperatorContext(pool, cast(Publisher, None), cast(Cipher, None), {OPERATOR_SCOPE}, ALL_CITIES)
    edge_config = EdgeConfig(TITLE, VERSION, KeyRing(pool), Health(metrics), metrics)
    app = create_machine_app(edge_config, pool, signer, operators)
    return json.dumps(app.openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
