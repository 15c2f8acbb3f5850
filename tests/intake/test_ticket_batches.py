"""Tickets as NDJSON: answered in order, and with their own times for an importer."""

import json

from tests.intake.intake_service import IntakeService
from tests.intake.ticket_payloads import build_ticket


async def test_batch_answers_each_line_in_order(intake: IntakeService) -> None:
    good, clash = build_ticket(), build_ticket(text="一")
    lines = [
        good,
        clash,
        {**clash, "text": "二"},
        build_ticket(source="photo"),
        build_ticket(position={"x": 999, "y": 0}),
    ]
    raw = b"\n \r\n".join(json.dumps(line).encode() for line in lines) + b"\nnot json\n"
    raw += json.dumps(good).encode().replace(b"{", b'{"source_ref": "another", ', 1)

    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets/batch", content=raw)
    answers = [json.loads(line) for line in response.text.splitlines()]

    assert response.status_code == 200
    assert [each["status"] for each in answers] == [202, 202, 409, 403, 422, 400, 422]
    assert [each["line"] for each in answers] == [1, 3, 5, 7, 9, 10, 11], (
        "as they stand in the body, blank lines counted"
    )
    assert [each["error"]["field"] for each in answers[2:]] == [
        "source_ref",
        "source",
        "position.x",
        None,
        "source_ref",
    ]
    assert len(await intake.records_about("paidan.inbox", answers[0]["report_id"])) == 1


async def test_imported_batch_has_its_own_times(intake: IntakeService) -> None:
    """Time limits of an import follow its own times, in the order of its lines."""
    lines = [
        build_ticket(
            source="records",
            city="tiny",
            class_code="E0110",
            occurred_at=f"2020-01-{day:02d}T08:00:00+08:00",
            past={"owner": "sanitation", "promised_by": "2020-02-01T00:00:00+08:00", "matched_within": "records"},
        )
        for day in range(1, 29)
    ]

    async with intake.client("importer") as client:
        raw = b"\n".join(json.dumps(line).encode() for line in lines)
        response = await client.post("/v1/tickets/batch", content=raw)
        nameless = await client.post("/v1/tickets", json=build_ticket())
    accepted = [json.loads(line) for line in response.text.splitlines()]
    records = [each for each in await intake.read_topic("paidan.inbox") if each.get("source") == "records"]

    assert [each["status"] for each in accepted] == [202] * 28
    assert [each["report_id"] for each in records] == [each["report_id"] for each in accepted]
    assert all(each["recorded_at"] == each["occurred_at"] for each in records)
    assert records[0]["past"]["owner"] == "sanitation"
    assert records[0]["class_code"] == "E0110"
    assert nameless.json()["error"]["field"] == "source"
