"""The edge's traces, access log, metrics, OpenAPI document and docs page."""

import re

import httpx
import structlog
from openapi_spec_validator import OpenAPIV31SpecValidator

from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from tests.chassis.sample_edge import PHONE, VALID_LOAN


async def test_trace_continues_the_callers_trace(client: httpx.AsyncClient) -> None:
    given_id = "4bf92f3577b34da6a3ce929d0e0e4736"

    response = await client.get("/nowhere", headers={"traceparent": f"00-{given_id}-00f067aa0ba902b7-01"})
    new = [(await client.get("/nowhere", headers={"traceparent": "odd"})).headers["x-trace-id"] for _ in range(2)]

    assert response.headers["x-trace-id"] == given_id
    assert new[0] != new[1]
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in new)


async def test_access_log_holds_the_route_and_no_user_input(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        await client.get(f"/v1/books/{PHONE}?least=77123")
        await client.post("/v1/loans", json=VALID_LOAN | {"reader": PHONE})

    assert [(line["route"], line["status"]) for line in lines] == [("/v1/books/{title}", 200), ("/v1/loans", 422)]
    assert PHONE not in str(lines)
    assert "77123" not in str(lines)


async def test_access_log_is_throttled_for_bad_requests() -> None:
    metrics = Metrics("library")
    app = create_app(EdgeConfig("Library", "1", KeyRing(None), Health(metrics), metrics))  # type: ignore[arg-type] # no route asks for a key

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://library") as made:
        with structlog.testing.capture_logs() as lines:
            for _ in range(200):
                await made.get("/nowhere")

    assert 0 < len(lines) <= 50
    assert 'route="unmatched",service="library",status="404"} 200.0' in metrics.render().decode()


async def test_request_metrics_use_the_route_template(client: httpx.AsyncClient) -> None:
    """A label for each id would fill the memory of Prometheus."""
    await client.get("/v1/books/one")
    await client.get("/nowhere/in/particular")
    await client.post("/v1/loans", json=VALID_LOAN)

    page = (await client.get("/metrics")).text
    assert 'paidan_requests_total{route="/v1/books/{title}",service="library",status="200"}' in page
    assert 'route="/v1/loans",service="library",status="202"' in page
    assert "particular" not in page


async def test_openapi_document_is_valid_and_lists_hot_routes(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    OpenAPIV31SpecValidator(document).validate()
    loan = document["paths"]["/v1/loans"]["post"]
    assert loan["summary"] == "Record a book's loan."
    assert "The same loan twice" in loan["description"]
    body = loan["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert body == "#/components/schemas/Loan"
    assert document["components"]["schemas"]["Book"]["properties"]["pages"]["exclusiveMinimum"] == 0
    assert "/v1/books" in document["paths"]
    assert "/healthz" not in document["paths"]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}


async def test_docs_page_loads_no_external_resource(client: httpx.AsyncClient) -> None:
    """A city's network is often closed, and the usual address of the script is blocked in places."""
    page = await client.get("/docs")

    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/docs/assets/")
        assert (await client.get(address)).status_code == 200
    assert "//" not in "".join(loaded)
