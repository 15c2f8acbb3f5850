"""The edge: its OpenAPI document, metrics and logs, and invalid settings."""

import asyncio
from collections.abc import Iterator

import httpx

from tests.intake.intake_service import IntakeService
from tests.polling import poll


def refs(part: object) -> Iterator[str]:
    """Yield every reference in a document."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from refs(value)
    elif isinstance(part, list):
        for value in part:
            yield from refs(value)


PERSONAL_DATA_ROUTES = {f"/v1/reports/{{report_id}}/{act}" for act in ("reporter", "export", "erasure")}
OPERATOR_ROUTES = {
    "/v1/dead-letters",
    "/v1/dead-letters/redrive",
    "/v1/dead-letters/{letter_id}",
    "/v1/dead-letters/{letter_id}/redrive",
    "/v1/dead-letters/{letter_id}/drop",
    "/v1/halts",
    "/v1/halts/{halt_id}/resume",
}


async def test_document_names_every_route_and_its_dry_run(intake: IntakeService) -> None:
    async with httpx.AsyncClient(base_url=intake.url, verify=False) as anyone:
        document = (await anyone.get("/openapi.json")).json()
    writes = {path: on["post"] for path, on in document["paths"].items() if "post" in on}

    assert set(document["paths"]) == {
        "/v1/tickets",
        "/v1/tickets/batch",
        "/v1/photo-reports",
        "/v1/photos",
        "/v1/photos/{ref}",
        "/v1/photos/{ref}/links",
        "/v1/alarms/generic",
        "/v1/reports/{report_id}",
        *PERSONAL_DATA_ROUTES,
        *OPERATOR_ROUTES,
        "/v1/audit/events",
        "/v1/audit/keys",
        "/v1/audit/refusals",
    }
    for path in writes.keys() - {"/v1/photos/{ref}/links", *PERSONAL_DATA_ROUTES, *OPERATOR_ROUTES}:
        assert "dry-run" in {each["name"] for each in writes[path]["parameters"]}, path
    assert {each.rsplit("/", 1)[1] for each in refs(document)} <= document["components"]["schemas"].keys()


async def test_metrics_cover_requests_and_lanes(intake: IntakeService) -> None:
    async with intake.client("hotline") as client:
        await client.post("/v1/tickets", json={"source_ref": ""})

        async def page() -> str:
            found = (await client.get("/metrics")).text
            return found if 'lane="paidan.alarms-0"' in found else ""

        found = await poll(page, within_s=30, what="the lanes' figures are shown")

    assert 'route="/v1/tickets"' in found


async def test_client_disconnect_is_not_an_error(intake: IntakeService) -> None:
    """An error in the log must mean that somebody has to look."""
    _, writer = await asyncio.open_connection("127.0.0.1", intake.port)
    head = f"POST /v1/tickets HTTP/1.1\r\nhost: x\r\nx-api-key: {intake.tokens['hotline']}\r\n"
    writer.write(f"{head}content-length: 1000\r\n\r\nsome".encode())
    await writer.drain()
    writer.close()

    await poll(lambda: '"status": 499' in intake.log.read_text(), what="the hanging up is noted")
    assert "request_broke" not in intake.log.read_text()


async def test_handwritten_document_is_checked_at_start(intake: IntakeService) -> None:
    """A misspelt or missing secret must end the process with a message, not with a stack trace."""
    broken = IntakeService(intake.kafka, intake.database, intake.prefix, intake.folder / "broken", intake.tokens)
    broken.folder.mkdir()
    broken.settings = {"VAULT_KEY": "too short"}
    process = broken.launch("--only", "edge")

    assert process.wait(20) == 78
    assert "INTAKE_VAULT_KEY" in broken.log.read_text()
    assert "too short" not in broken.log.read_text()
