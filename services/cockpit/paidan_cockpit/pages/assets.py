"""Style sheets, scripts and the locked web libraries, each under an address that changes with its content."""

import hashlib
import mimetypes
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from paidan_chassis.edge import problems
from paidan_chassis.edge.scope_keys import ROUTE_KEY
from paidan_chassis.observability.logs import get_logger

STATIC: Final = Path(__file__).parents[1] / "static"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class Assets:
    """Files that pages load, held in memory: ours, and those of the libraries' folder, where there is one."""

    def __init__(self, libraries: Path | None) -> None:
        self._files = {f"static/{name}": content for name, content in _read(STATIC).items()}
        if libraries is not None:
            self._files |= {f"web/{name}": content for name, content in _read_libraries(libraries).items()}
        self._version = _version_of(self._files)

    def address(self, name: str) -> str:
        """Return the address of ``static/...`` or ``web/...``. All carry one version: style sheets name images."""
        return f"/assets/{self._version}/{name}"

    def has_library(self, name: str) -> bool:
        """Return whether a file of a library is there."""
        return f"web/{name}" in self._files

    def route(self) -> BaseRoute:
        """Return the route of all assets, which are nobody's secret."""
        path = "/assets/{version}/{name:path}"

        async def serve(request: Request) -> Response:
            request.scope[ROUTE_KEY] = path
            content = self._files.get(request.path_params["name"])
            if content is None or request.path_params["version"] != self._version:
                return problems.not_found().response()
            return Response(content, headers={"cache-control": _FOR_EVER, "content-type": _type_of(request)})

        return Route(path, serve, include_in_schema=False)


def _type_of(request: Request) -> str:
    suffix = Path(request.path_params["name"]).suffix
    return _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")


def _read(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def _read_libraries(folder: Path) -> dict[str, bytes]:
    """Return the libraries; none, with a warning, where they cannot be read: pages work without script."""
    try:
        return _read(folder)
    except OSError as error:
        get_logger().warning("web_libraries_unreadable", fault=type(error).__name__)
        return {}


def _version_of(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]
