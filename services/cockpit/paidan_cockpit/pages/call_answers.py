"""What a reporter said in a call: what was recorded before, and what is asked about before it counts. Pure."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from paidan_cockpit.pages.labels import Translate
from paidan_cockpit.pages.marked_texts import N_
from paidan_contracts.state import CalledBack, CaseState

CONFIRMED: Final = "confirmed"
"""The field of a form that says which strange answer was meant."""
REASONABLE_MISSING: Final = N_("Choose whether the dissatisfied rating is reasonable: one that is may reopen the case.")
STRANGE_ANSWER: Final = N_(
    "Satisfied, though the problem is not solved? Correct it; or send it again as it is, if the reporter said so."
)


def recorded_calls(state: CaseState, report_id: str) -> Sequence[CalledBack]:
    """Return what was recorded of the calls to a report's reporter in this round, oldest first."""
    return [
        each
        for each in state.called_back
        if (each.report_id or state.opened_by) == report_id and each.round == state.round
    ]


def call_key(state: CaseState, report_id: str) -> str:
    """Return the id of a call's form: drawn twice of one state, sent twice, it counts once."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"/callbacks/{state.case_id}/{report_id}?version={state.version}"))


def strange_answer(fields: Mapping[str, str]) -> str:
    """Return rating and solution where they contradict each other; empty where they do not."""
    rating, solved = fields.get("action.rating", ""), fields.get("action.solved", "")
    return f"{rating} {solved}" if rating in ("satisfied", "basically_satisfied") and solved == "unsolved" else ""


def errors_of_call(fields: Mapping[str, str], translate: Translate) -> Mapping[str, str]:
    """Return what is asked about a call before it is recorded, at its field; empty for nothing."""
    if fields.get("action.rating") == "dissatisfied" and not fields.get("action.reasonable"):
        return {"action.reasonable": translate(REASONABLE_MISSING)}
    strange = strange_answer(fields)
    return {"action.solved": translate(STRANGE_ANSWER)} if strange and fields.get(CONFIRMED) != strange else {}
