"""The progress of an import ends at its end, also where some of its requests are refused."""

import json
from collections import Counter
from pathlib import Path

from paidan_contracts import ids
from paidan_deploy.importing.client import Endpoints
from paidan_deploy.importing.run import ImportJob, ImportProgress, run_import
from tests.contracts.city_packs import load_tiny
from tests.importing.sample_records import HEADER, IMPORT_MAPPING, record_line
from tests.importing.test_retries import http_response, stub_server


async def test_decisions_are_expected_of_accepted_requests_alone(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text("\n".join((HEADER, record_line("1"), record_line("2"))))
    accepted = {
        "report_id": ids.report_id("records", "1"),
        "area": "tiny-1",
        "recorded_at": "2026-02-02T09:00:00+08:00",
    }
    refused = {"error": {"code": "invalid", "message": "not so", "message_zh": "有误", "field": "text"}}
    decided = {"id": accepted["report_id"], "about": "report", "result": "opened", "case_id": "tiny-1-x"}
    answers = [
        http_response("200 OK", b"".join(json.dumps(each).encode() + b"\n" for each in (accepted, refused))),
        http_response("200 OK", json.dumps({"outcomes": [decided]}).encode()),
    ]
    counted: Counter[str] = Counter()

    progress = ImportProgress(
        on_planned=lambda number: counted.update(planned=number),
        on_sent=lambda number: counted.update(sent=number),
        on_accepted=lambda number: counted.update(accepted=number),
        on_decided=lambda number: counted.update(decided=number),
    )
    async with stub_server(answers) as (url, _):
        address = url.removesuffix("/v1")
        job = ImportJob(file, load_tiny(), IMPORT_MAPPING, matching=False)
        report = await run_import(job, Endpoints(address, address, "token"), progress)

    assert counted == {"planned": 2, "sent": 2, "accepted": 1, "decided": 1}
    assert [(each.line, each.message_zh) for each in report.refusals] == [(3, "text: 有误")]
