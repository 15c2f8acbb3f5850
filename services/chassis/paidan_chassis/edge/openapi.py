"""The OpenAPI document of an app: FastAPI's own, extended by the hot routes, which bypass FastAPI."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from paidan_chassis.edge.problems import ErrorBody
from paidan_chassis.edge.routes import plain_route
from paidan_chassis.edge.security_headers import DOCS_POLICY

_REF: Final = "#/components/schemas/{model}"
_SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "Authorization: Bearer pdk_..., or the token of a person who signed in.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds after which to retry.", "schema": {"type": "integer", "minimum": 1}}
}


@dataclass(frozen=True, slots=True)
class RouteDoc:
    """The description of a hot route in the document."""

    name: str
    description: str
    request_model: type[BaseModel]
    response_model: type[BaseModel] | None
    query: Sequence[Mapping[str, Any]] = ()


def install_openapi(app: FastAPI) -> None:
    """Install the generation of the document, which is cached, and the page ``/docs``."""
    app.state.described = {}

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    async def document_page(request: Request) -> JSONResponse:
        root_path = request.scope.get("root_path", "").rstrip("/")
        return JSONResponse(app.openapi() | ({"servers": [{"url": root_path}]} if root_path else {}))

    app.openapi = document  # type: ignore[method-assign] # the way FastAPI documents
    app.router.routes.append(plain_route("/openapi.json", document_page))
    _add_docs_page(app)


def _add_docs_page(app: FastAPI) -> None:
    # FastAPI's own page loads its script from the internet, which a closed network cannot reach.
    async def docs(request: Request) -> HTMLResponse:
        at = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{at}/openapi.json",
            title=app.title,
            swagger_js_url=f"{at}/docs/assets/swagger-ui-bundle.js",
            swagger_css_url=f"{at}/docs/assets/swagger-ui.css",
            swagger_favicon_url=f"{at}/docs/assets/favicon.png",
        )
        page.headers["content-security-policy"] = DOCS_POLICY
        return page

    app.router.routes.append(plain_route("/docs", docs))
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))


def add_route_doc(app: FastAPI, path: str, route_doc: RouteDoc) -> None:
    """Add a POST route to the app's document."""
    app.state.described[path] = route_doc


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    components["securitySchemes"] = _SECURITY_SCHEMES
    document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    error_response = {
        "description": "The error, and where it is.",
        "content": _json_content(ErrorBody, "serialization", schemas),
    }
    unavailable_response = error_response | {
        "description": "It may not have been done; send it again later.",
        "headers": _RETRY_AFTER,
    }
    for path, route in app.state.described.items():
        document["paths"].setdefault(path, {})["post"] = _operation(path, route, schemas)
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"] |= {"503": unavailable_response, "default": error_response}
    return _rename_by_title(document)


def _rename_by_title(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with each schema under its title: the published name stays when the class is renamed."""
    titles = {name: schema.get("title", name) for name, schema in document["components"]["schemas"].items()}
    references = {_REF.format(model=name): _REF.format(model=title) for name, title in titles.items()}
    renamed: dict[str, Any] = _replace_strings(document, references)
    renamed["components"]["schemas"] = {
        titles[name]: schema for name, schema in renamed["components"]["schemas"].items()
    }
    return renamed


def _replace_strings(part: Any, replacements: dict[str, str]) -> Any:  # noqa: ANN401 - any piece of the document
    if isinstance(part, dict):
        return {key: _replace_strings(value, replacements) for key, value in part.items()}
    if isinstance(part, list):
        return [_replace_strings(value, replacements) for value in part]
    return replacements.get(part, part) if isinstance(part, str) else part


def _operation(path: str, route: RouteDoc, schemas: dict[str, Any]) -> dict[str, Any]:
    summary, _, description = route.description.strip().partition("\n\n")
    response: dict[str, Any] = {"description": "Success."}
    if route.response_model:
        response["content"] = _json_content(route.response_model, "serialization", schemas)
    return {
        **({"parameters": [dict(each) for each in route.query]} if route.query else {}),
        "summary": summary,
        "description": description.strip(),
        "operationId": "_".join([route.name, *re.findall("[a-z0-9]+", path), "post"]),
        "requestBody": {"required": True, "content": _json_content(route.request_model, "validation", schemas)},
        "responses": {"2XX": response},
    }


def _json_content(
    model: type[BaseModel], mode: Literal["validation", "serialization"], schemas: dict[str, Any]
) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REF, mode=mode)
    schemas.update(schema.pop("$defs", {}))
    schemas.setdefault(model.__name__, schema)
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
