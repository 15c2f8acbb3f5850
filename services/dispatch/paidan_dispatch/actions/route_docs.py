"""What the OpenAPI document says of the action routes beyond their models."""

from typing import Any, Final

from paidan_chassis.edge.ndjson import MEDIA_TYPE
from paidan_chassis.edge.problems import ErrorBody
from paidan_dispatch.api.models import ActionAccepted, DryRunResult

_NDJSON_CONTENT: Final = {MEDIA_TYPE: {"schema": {"type": "string"}}}
_UNAVAILABLE: Final[dict[int | str, dict[str, Any]]] = {503: {"model": ErrorBody, "description": "Send it again."}}

# Released texts: they stand in the OpenAPI document.
ACTION_DESCRIPTION: Final = """\
Ask for an action. It is taken once Kafka has it; whether it is allowed is told under its id.

A repeat with the same `Idempotency-Key` is dropped. The same key with another body, or for another case, is
refused: 409 `id_reused` once the first is decided. Of two that are sent before either is decided both get 202
and the first stands; whoever sends theirs again learns by 202 or 409 whether it was theirs."""
BATCH_DESCRIPTION: Final = """\
Ask for many actions, a JSON line each. The answer has a line for each, in order: its id or its error.

Blank lines are skipped and counted: each answer tells its line's number in the file, from 1.
An `id` that was used before for something else is `id_reused`, within the batch, too: the first one stands.
With `dry-run` each line is judged as if it came alone, against its case as it is now, and nothing is done."""
OUTCOME_DESCRIPTION: Final = """\
Tell what became of an action: applied, or refused and why. 404 until it is decided.

It is told of the first that came under this id. Whether that was yours, where several use one id, tells
sending yours again: 409 `id_reused` when it was another."""
OUTCOMES_DESCRIPTION: Final = """Tell what became of many reports and actions at once."""
# By hand, for FastAPI would answer a missing header with 422, and name it as a field of the body.
IDEMPOTENCY_KEY: Final = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "Your own id for this action; a repeat under the same key is dropped.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        }
    ]
}
ACTION_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": ActionAccepted},
    200: {"model": DryRunResult},
    409: {"model": ErrorBody, "description": "The key was used before for something else; that one stands."},
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
        "description": "Of a dry run: a line for each that is not blank, in order: `line`, and what is said of one"
        " action (its `status` is the case's) or `error`.",
        "content": _NDJSON_CONTENT,
    },
    **_UNAVAILABLE,
}
