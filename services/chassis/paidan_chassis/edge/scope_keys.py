"""What the edge notes of a request in its ASGI scope."""

from typing import Final

ANNOUNCED_BYTES_KEY: Final = "paidan.announced_bytes"
BODY_LIMIT_KEY: Final = "paidan.body_limit"
TRACE_ID_KEY: Final = "paidan.trace_id"
ROUTE_KEY: Final = "paidan.route"
PRINCIPAL_KEY: Final = "paidan.principal"
WRITE_RESPONSE_KEY: Final = "paidan.write_response"
