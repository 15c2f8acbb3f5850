"""A valid request for each route, by the name that the table has for it. Writes are dry runs where there are any."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.intake.sample_photos import make_jpeg
from tests.intake.ticket_payloads import build_ticket

DRY: Final = "?dry-run=true"
PHOTO: Final = make_jpeg(colour="purple")
TICKET: Final = json.dumps(build_ticket(source_ref="dry", source="hotline", city="tiny"))
ALARM: Final = json.dumps(
    {
        "alarm_ref": "a",
        "source": "camera",
        "city": "tiny",
        "camera": "c",
        "category": "暴露垃圾",
        "occurred_at": "2026-03-02T08:00:00+08:00",
    }
)
ACTION: Final = '{"action": {"kind": "return", "code": "other", "reason": "not ours"}}'
REQUEST_OF_THE_PERSON: Final = '{"reason": "应本人书面申请"}'
LINE: Final = '{"id": "m", "case_id": "%(case_id)s", ' + ACTION[1:]
FORM: Final = (
    b'--x\r\nContent-Disposition: form-data; name="report"\r\n\r\n' + TICKET.encode() + b"\r\n"
    b'--x\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\n\r\n' + PHOTO + b"\r\n--x--\r\n"
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request without its path.

    ``lists`` names the list in the answer that may be empty, ``report`` and ``letter`` what it is about. With
    ``is_json`` it takes a JSON body, and can be sent again.
    """

    query: str = ""
    body: bytes | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    lists: str | None = None
    is_json: bool = False
    report: str = "report_id"
    letter: str = "letter_id"

    def path(self, template: str, ids: Mapping[str, str]) -> str:
        """Return the path, with ids of what there is."""
        named = template.replace("{report_id}", f"{{{self.report}}}").replace("{letter_id}", f"{{{self.letter}}}")
        return named.format(**ids)

    def content(self, ids: Mapping[str, str]) -> bytes | str | None:
        """Return the body, with ids of what there is."""
        return self.body % ids if isinstance(self.body, str) else self.body


CALLS: Final[Mapping[str, Call]] = {
    "POST /v1/tickets": Call(DRY, TICKET, is_json=True),
    "POST /v1/tickets/batch": Call(DRY, TICKET),
    "POST /v1/photo-reports": Call(DRY, FORM, {"content-type": "multipart/form-data; boundary=x"}),
    "POST /v1/alarms/generic": Call(DRY, ALARM, is_json=True),
    "POST /v1/photos": Call(DRY, PHOTO),
    "GET /v1/photos/{ref}": Call(),
    "POST /v1/photos/{ref}/links": Call(),
    "GET /v1/reports/{report_id}": Call(),
    "POST /v1/reports/{report_id}/reporter": Call(body='{"reason": "核实上报内容"}', is_json=True),
    "POST /v1/reports/{report_id}/export": Call(body=REQUEST_OF_THE_PERSON, is_json=True),
    "POST /v1/reports/{report_id}/erasure": Call(body=REQUEST_OF_THE_PERSON, is_json=True, report="erased_report_id"),
    "GET /v1/cases": Call(lists="cases"),
    "GET /v1/cases/{case_id}": Call(),
    "GET /v1/cases/{case_id}/actions": Call(lists="actions"),
    "POST /v1/cases/actions/lookup": Call(body='{"case_ids": ["%(case_id)s"]}', lists="cases", is_json=True),
    "POST /v1/cases/{case_id}/actions": Call(DRY, ACTION, {"Idempotency-Key": "matrix"}, is_json=True),
    "POST /v1/actions/batch": Call(DRY, LINE),
    "GET /v1/actions/{action_id}": Call(),
    "POST /v1/outcomes/lookup": Call(body='{"ids": ["%(action_id)s"]}', lists="outcomes", is_json=True),
    "GET /v1/cases/{case_id}/reports": Call(lists="reports"),
    "GET /v1/callbacks": Call(lists="callbacks"),
    "GET /v1/noted": Call(lists="reports"),
    "POST /v1/noted/{report_id}/reply": Call(
        body='{"text": "已答复"}', headers={"Idempotency-Key": "reply"}, is_json=True
    ),
    "GET /v1/orders": Call("?department=streets", lists="orders"),
    "GET /v1/orders.xlsx": Call("?department=streets", lists="rows"),
    "GET /v1/emergencies": Call(lists="emergencies"),
    "GET /v1/standing-orders": Call("?department=streets", lists="orders"),
    "POST /v1/emergencies": Call(
        DRY, '{"city": "tiny", "plan": "snow", "level": "3"}', {"Idempotency-Key": "snow"}, is_json=True
    ),
    "POST /v1/emergencies/{declaration_id}/end": Call(DRY, "{}", {"Idempotency-Key": "thaw"}, is_json=True),
    "GET /v1/scores": Call("?city=tiny&period=2026-03&by=department"),
    "GET /v1/scores/{score_id}/cases": Call(),
    "GET /v1/indicators": Call("?city=tiny"),
    "GET /v1/schemes": Call("?city=tiny"),
    "GET /v1/conservation": Call(),
    "GET /v1/audit/events": Call(),
    "GET /v1/audit/refusals": Call(),
    "GET /v1/audit/keys": Call(),
    "GET /v1/dead-letters": Call(lists="dead_letters"),
    "GET /v1/dead-letters/{letter_id}": Call(),
    "POST /v1/dead-letters/{letter_id}/redrive": Call(letter="redriven_letter_id"),
    "POST /v1/dead-letters/redrive": Call(body='{"ids": ["%(redriven_letter_id)s"]}', is_json=True),
    "POST /v1/dead-letters/{letter_id}/drop": Call(body='{"reason": "a test"}', is_json=True),
    "GET /v1/halts": Call(),
    "POST /v1/halts/{halt_id}/resume": Call(body='{"at": "kept"}'),
}
_LINE_ERRORS: Final = {"forbidden": "403", "not_your_source": "403", "not_your_city": "403", "not_found": "404"}


def cell_of(response: httpx.Response, call: Call) -> str:
    """Return a response as the table has it: ✓, ∅ for an empty list, or the status; of a batch, that of its line."""
    if response.status_code >= 300:
        return str(response.status_code)
    if response.headers["content-type"].startswith("application/x-ndjson"):
        line: dict[str, Any] = json.loads(response.text)
        return _LINE_ERRORS.get(line["error"]["code"], line["error"]["code"]) if "error" in line else "✓"
    if response.headers["content-type"].endswith("spreadsheetml.sheet"):
        with zipfile.ZipFile(io.BytesIO(response.content)) as workbook:
            return "✓" if workbook.read("xl/worksheets/sheet1.xml").count(b"<row ") > 1 else "∅"
    if call.lists and not response.json()[call.lists]:
        return "∅"
    return "✓"
