"""The OpenAPI document of an edge: FastAPI's own, and the hot routes that FastAPI does not see."""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from paidan_chassis.edge.problems import ErrorBody

_REF: Final = "#/components/schemas/{model}"
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer pdk_..."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "When to try again, in seconds.", "schema": {"type": "integer", "minimum": 1}}
}


@dataclass(frozen=True, slots=True)
class Described:
    """A route as its reader needs it."""

    name: str
    text: str
    takes: type[BaseModel]
    answers: type[BaseModel] | None


def install(app: FastAPI) -> None:
    """Make the app write its document this way, once."""
    app.state.described = {}

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # the way FastAPI documents
    _add_docs(app)


def _add_docs(app: FastAPI) -> None:
    # FastAPI's own page loads its script from a public network, which a city's closed network does not reach.
    async def docs(request: Request) -> HTMLResponse:
        at = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{at}/openapi.json",
            title=app.title,
            swagger_js_url=f"{at}/docs/assets/swagger-ui-bundle.js",
            swagger_css_url=f"{at}/docs/assets/swagger-ui.css",
            swagger_favicon_url=f"{at}/docs/assets/favicon.png",
        )

    app.add_route("/docs", docs, include_in_schema=False)
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))


def describe(app: FastAPI, path: str, route: Described) -> None:
    """Add a POST route to the document."""
    app.state.described[path] = route


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    components["securitySchemes"] = _SCHEMES
    document["security"] = [{name: []} for name in _SCHEMES]
    refused = {"description": "What is wrong, and where.", "content": _json(ErrorBody, "serialization", schemas)}
    unavailable = refused | {"description": "Not done for certain; send it again later.", "headers": _RETRY_AFTER}
    for path, route in app.state.described.items():
        document["paths"].setdefault(path, {})["post"] = _operation(path, route, schemas)
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"] |= {"503": unavailable, "default": refused}
    return document


def _operation(path: str, route: Described, schemas: dict[str, Any]) -> dict[str, Any]:
    summary, _, text = route.text.strip().partition("\n\n")
    said: dict[str, Any] = {"description": "Done."}
    if route.answers:
        said["content"] = _json(route.answers, "serialization", schemas)
    return {
        "summary": summary,
        "description": text.strip(),
        "operationId": "_".join([route.name, *re.findall("[a-z0-9]+", path), "post"]),
        "requestBody": {"required": True, "content": _json(route.takes, "validation", schemas)},
        "responses": {"2XX": said},
    }


def _json(
    model: type[BaseModel], mode: Literal["validation", "serialization"], schemas: dict[str, Any]
) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REF, mode=mode)
    schemas.update(schema.pop("$defs", {}))
    schemas.setdefault(model.__name__, schema)
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
