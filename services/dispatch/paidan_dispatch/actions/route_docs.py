"""Parts of the OpenAPI document of the action routes that FastAPI cannot derive from their models."""

from typing import Any, Final

from paidan_chassis.edge.ndjson import MEDIA_TYPE
from paidan_chassis.edge.problems import ErrorBody
from paidan_dispatch.api.models import ActionAccepted, DryRunResult

_NDJSON_CONTENT: Final = {MEDIA_TYPE: {"schema": {"type": "string"}}}
_UNAVAILABLE: Final[dict[int | str, dict[str, Any]]] = {503: {"model": ErrorBody, "description": "Send it again."}}

# By hand, for FastAPI would answer a missing header with 422, and name it as a field of the body.
IDEMPOTENCY_KEY: Final = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "Your own id of this action; a repeat with the same key is ignored.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        }
    ]
}
ACTION_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": ActionAccepted},
    200: {"model": DryRunResult},
    409: {"model": ErrorBody, "description": "The key was used before for another action, which remains."},
    **_UNAVAILABLE,
}
BATCH_REQUEST: Final = {
    "requestBody": {
        "required": True,
        "description": "One JSON object a line: id, case_id, action, and if need be occurred_at and of_report."
        " Blank lines are skipped.",
        "content": _NDJSON_CONTENT,
    }
}
BATCH_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "description": "A line for each that is not blank, in order: `line` (its number in the file, from 1), `status`"
        " (202, or of what it would have been alone), and `action_id` or `error`.",
        "content": _NDJSON_CONTENT,
    },
    200: {
        "description": "Of a dry run: a line for each that is not blank, in order: `line`, and the answer to one"
        " action (its `status` is the case's) or `error`.",
        "content": _NDJSON_CONTENT,
    },
    **_UNAVAILABLE,
}
