"""A request of a page: who asks, in which language, from where."""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from paidan_chassis.edge.scope_keys import BODY_LIMIT_KEY, TRACE_ID_KEY
from paidan_cockpit.accounts import Session
from paidan_cockpit.rights import Person
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import LANGUAGES, choose_language

Theme = Literal["auto", "light", "dark"]
THEMES: Final[tuple[Theme, ...]] = get_args(Theme)
LANGUAGE_COOKIE: Final = "paidan_language"
THEME_COOKIE: Final = "paidan_theme"
_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,999}")
_MAX_FIELDS: Final = 200
_MAX_FIELD_BYTES: Final = 100_000
MAX_PHOTOS: Final = 9
_MAX_FILES: Final = 100
_MAX_UPLOAD_BYTES: Final = 60_000_000


class PageRefused(Exception):
    """A page that is not shown: there is none, or this person may not see it. ``reason`` is a key of a text."""

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(reason or str(status))
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RequestContext:
    """A request of a page. ``session`` is None for somebody who has not signed in."""

    request: Request
    language: Language
    theme: Theme
    session: Session | None

    @property
    def person(self) -> Person:
        """Who visits; only of pages that need a session."""
        assert self.session is not None  # noqa: S101 - the route was opened to signed-in persons alone
        return self.session.person

    @property
    def trace_id(self) -> str:
        """The id under which our log has this request."""
        return str(self.request.scope.get(TRACE_ID_KEY, ""))

    @property
    def address(self) -> str:
        """The network address that the request came from."""
        return self.request.client.host if self.request.client else ""

    @property
    def wants_json(self) -> bool:
        """Whether a script of ours sent the form, which keeps it until it is decided."""
        return self.request.headers.get("accept") == "application/json"

    async def form(self, *, with_photos: bool = False) -> "FilledForm":
        """Return a form of ours as it was filled; refuse one that another site made this browser send."""
        form = await read_form(self.request, _MAX_UPLOAD_BYTES if with_photos else None)
        sent = form.fields.get("csrf", "").encode()
        if self.session is None or not hmac.compare_digest(sent, self.session.csrf.encode()):
            raise PageRefused(403, "stale_form")
        return form


@dataclass(frozen=True, slots=True)
class FilledForm:
    """The fields of a form, with the last value of a repeated field, and the content of its files."""

    fields: Mapping[str, str]
    files: Sequence[bytes] = ()


async def read_form(request: Request, max_bytes: int | None = None) -> FilledForm:
    """Return the fields and files of a form; refuse one that is too large, or holds too many photos.

    ``max_bytes``: None for as many as the body of any request may have.
    """
    if max_bytes is not None:
        request.scope[BODY_LIMIT_KEY] = max_bytes
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    # Browsers name no charset. Decoding some that there are takes minutes, and others yield what is no text.
    if options.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise PageRefused(400, "unreadable_form")
    is_multipart = kind.startswith(b"multipart/")
    try:
        form = await _read_parts(request) if is_multipart else FilledForm(_parse_fields(await request.body()))
    except HTTPException as error:
        raise PageRefused(*((413, "too_large") if error.status_code == 413 else (400, "unreadable_form"))) from None
    if len(form.files) > MAX_PHOTOS:
        raise PageRefused(400, "too_many_photos")
    return form


async def _read_parts(request: Request) -> FilledForm:
    async with request.form(max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        files = [await each.read() for _, each in form.multi_items() if isinstance(each, UploadFile) and each.size]
    return FilledForm(fields, files)


def _parse_fields(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise PageRefused(400, "unreadable_form") from None


def is_secure(request: Request) -> bool:
    """Return whether the browser speaks HTTPS, to us or to a proxy in front."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "").strip().lower() == "https"


def require_own_site(request: Request) -> None:
    """Refuse a POST that another site made this browser send, by what browsers state and scripts cannot change."""
    origin = request.headers.get("origin")
    is_own = origin is None or _host_of(origin) == request.headers.get("host", "")
    if not is_own or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise PageRefused(403, "other_site")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def read_language(request: Request, default: Language) -> Language:
    """Return the language that was chosen before, or else the browser's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    for language in LANGUAGES:
        if language == chosen:
            return language
    return choose_language(request.headers.get("accept-language", ""), default)


def read_theme(request: Request) -> Theme:
    """Return the theme that was chosen before."""
    chosen = request.cookies.get(THEME_COOKIE)
    return next((theme for theme in THEMES if theme == chosen), "auto")


def requested_path(request: Request) -> str:
    """Return path and query of a request."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def own_address(request: Request) -> str:
    """Return this site's address as the browser knows it."""
    return f"{'https' if is_secure(request) else 'http'}://{request.headers.get('host', '')}"


def local_path(text: str) -> str:
    """Return the path and query of a page of ours; ``/`` for whatever could lead elsewhere."""
    return text if _LOCAL_PATH.fullmatch(text) else "/"
