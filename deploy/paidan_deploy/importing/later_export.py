"""Brings records of an earlier import up to date: sends their further steps, and lists what they say otherwise."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from paidan_contracts import ids
from paidan_contracts.city.city import City
from paidan_contracts.state import CaseState
from paidan_deploy.importing.differences import Difference, amendment, compare
from paidan_deploy.importing.import_requests import ImportRequest
from paidan_deploy.importing.rows import ImportRow

REASON: Final = "stated so by a later export"


@dataclass(frozen=True, slots=True)
class ImportedReport:
    """A report that was decided before: its area, and its case if it opened one."""

    area: str
    state: CaseState | None


@dataclass(slots=True)
class LaterExport:
    """What a file says otherwise than the records that were imported before under the same ids."""

    rows: Mapping[int, ImportRow]
    """By line."""
    city: City
    amend: bool
    differences: list[Difference] = field(default_factory=list)

    def examine(self, request: ImportRequest, known: ImportedReport) -> str:
        """List what the record says otherwise, and return what becomes of its steps: ``send``, ``settled``, ``other``.

        ``other``: the id is another record's, or a live report's, whose case the steps would change.
        """
        row, state = self.rows[request.line], known.state
        if state is None:
            return "send"
        if not state.past or (state.occurred_at != row.reported_at and not self.amend):
            return "other"
        self.differences += compare(row, state, self.city)
        has_ended = state.status in ("closed", "voided", "not_accepted")
        is_held = state.status == "filed" and row.becomes == "closed" and not self.amend
        return "settled" if has_ended or is_held or row.becomes == "open" else "send"

    def assignment(self, request: ImportRequest, known: ImportedReport) -> ImportRequest | None:
        """Return the step that gives a held case to the department that its record names by now."""
        row, state = self.rows[request.line], known.state
        if not self.amend or state is None or state.status != "filed" or row.owner is None:
            return None
        action = {"kind": "assign", "department": row.owner, "reason": REASON}
        return self._action_request(row, "assign", action, occurred_at=row.reported_at.isoformat())

    def amendments(self) -> list[ImportRequest]:
        """Return an action for each case of which a field can be corrected."""
        fields_by_line: dict[int, set[str]] = {}
        for difference in self.differences:
            fields_by_line.setdefault(difference.line, set()).add(difference.field)
        requests = []
        for line, fields in fields_by_line.items() if self.amend else ():
            row = self.rows[line]
            if action := amendment(row, frozenset(fields), self.city, REASON):
                digest = hashlib.sha256(json.dumps(action, sort_keys=True).encode()).hexdigest()
                requests.append(self._action_request(row, f"amend:{digest[:16]}", action))
        return requests

    @staticmethod
    def _action_request(row: ImportRow, name: str, action: dict[str, Any], **more: str) -> ImportRequest:
        action_id = f"{row.source}:{row.ref}:{name}"
        report_id = ids.report_id(row.source, row.ref)
        body = {"id": action_id, "of_report": report_id, "action": action, **more}
        return ImportRequest(row.reported_at, "actions", row.line, action_id, body)


async def load_imported_reports(
    client: httpx.AsyncClient, dispatch: str, outcomes: Mapping[str, dict[str, Any]], report_ids: Collection[str]
) -> dict[str, ImportedReport]:
    """Return what is known of these reports by their outcomes; one GET for each case that such a report opened."""
    known: dict[str, ImportedReport] = {}
    for report_id in report_ids:
        outcome = outcomes.get(report_id)
        if outcome is None or outcome["result"] not in ("opened", "merged"):
            continue
        state = None
        if outcome["result"] == "opened":
            response = await client.get(f"{dispatch}/v1/cases/{outcome['case_id']}")
            state = CaseState.model_validate(response.raise_for_status().json()["case"])
        known[report_id] = ImportedReport(ids.area_of(outcome["case_id"]), state)
    return known


def lines_of(requests: Sequence[ImportRequest]) -> dict[str, ImportRequest]:
    """Return requests by the report that they are about."""
    return {str(each.body.get("of_report") or each.id): each for each in requests}
