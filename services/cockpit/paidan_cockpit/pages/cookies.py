"""Cookies: the session's, the sign-in's at a provider, the page that was wanted, and what a person chose."""

from datetime import timedelta
from typing import Final
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from paidan_cockpit.pages.request_context import is_secure, local_path, requested_path

_SESSION_COOKIE: Final = "paidan_session"
_STATE_COOKIE: Final = "paidan_provider_state"
_BLANKS: Final = " \t"
_WANTED_COOKIE: Final = "paidan_wanted_page"
_WANTED_PATH: Final = "/sign-in"
_WANTED_S: Final = 3600
_PREFERENCE_S: Final = 400 * 86_400


def session_cookie_of(request: Request) -> str:
    """Return the session's secret that a request carries, or an empty text."""
    return _read_secret(request, _SESSION_COOKIE)


def set_session_cookie(response: Response, request: Request, secret: str) -> None:
    """Set the cookie of a session's secret, which lasts until the browser is closed and which scripts cannot read."""
    _set_secret(response, request, _SESSION_COOKIE, secret)


def delete_session_cookie(response: Response, request: Request) -> None:
    """Delete the cookie of the session."""
    _delete_secret(response, request, _SESSION_COOKIE)


def set_state_cookie(response: Response, request: Request, state: str, lasts: timedelta) -> None:
    """Set the cookie of the state, so that only the browser that went to the provider can come back with its answer."""
    _set_secret(response, request, _STATE_COOKIE, state, round(lasts.total_seconds()))


def state_cookie_of(request: Request) -> str:
    """Return the state with which this browser went to the provider, or an empty text."""
    return _read_secret(request, _STATE_COOKIE)


def delete_state_cookie(response: Response, request: Request) -> None:
    """Delete the cookie of the state: it counts once."""
    _delete_secret(response, request, _STATE_COOKIE)


def remember_wanted_page(response: Response, request: Request) -> None:
    """Set the cookie of the page that was opened before signing in, unless a page's own script asked for it."""
    if "text/html" not in request.headers.get("accept", ""):
        return
    response.set_cookie(
        _WANTED_COOKIE,
        quote(requested_path(request), safe="/"),
        max_age=_WANTED_S,
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
        path=_WANTED_PATH,
    )


def wanted_page_of(request: Request) -> str:
    """Return the page that was opened before signing in; ``/`` if there was none."""
    return local_path(unquote(request.cookies.get(_WANTED_COOKIE, "")))


def forget_wanted_page(response: Response, request: Request) -> None:
    """Delete the cookie of the page that was opened before signing in: it is shown once."""
    if _WANTED_COOKIE in request.cookies:
        response.delete_cookie(
            _WANTED_COOKIE, httponly=True, secure=is_secure(request), samesite="lax", path=_WANTED_PATH
        )


def set_preference(response: Response, request: Request, name: str, value: str) -> None:
    """Set the cookie of a choice that is nobody's secret."""
    response.set_cookie(
        name, value, max_age=_PREFERENCE_S, httponly=True, secure=is_secure(request), samesite="lax", path="/"
    )


def _set_secret(response: Response, request: Request, name: str, secret: str, max_age_s: int | None = None) -> None:
    response.set_cookie(
        _name_of(request, name),
        secret,
        max_age=max_age_s,
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
        path="/",
    )


def _delete_secret(response: Response, request: Request, name: str) -> None:
    response.delete_cookie(_name_of(request, name), httponly=True, secure=is_secure(request), samesite="lax", path="/")


def _read_secret(request: Request, name: str) -> str:
    """Return the value of the one cookie of exactly this name; empty where another host may have set it, too.

    The framework's reader takes a name with a blank of any kind for one without, and of several cookies the last.
    """
    wanted = _name_of(request, name)
    pairs = [each.strip(_BLANKS).partition("=") for each in request.headers.get("cookie", "").split(";")]
    values = [value for found, _, value in pairs if found == wanted]
    return values[0] if len(values) == 1 else ""


def _name_of(request: Request, name: str) -> str:
    # A browser takes a cookie of this prefix only from this very host, over HTTPS, and for all of its paths.
    return f"__Host-{name}" if is_secure(request) else name
