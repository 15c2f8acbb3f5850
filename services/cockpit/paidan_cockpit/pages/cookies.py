"""Cookies: the session's, the sign-in's at a provider, the page that was wanted, and what a person chose."""

from datetime import timedelta
from typing import Final
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from paidan_cockpit.pages.request_context import is_secure, local_path, requested_path

_SESSION_COOKIE: Final = "paidan_session"
_STATE_COOKIE: Final = "paidan_provider_state"
_WANTED_COOKIE: Final = "paidan_wanted_page"
_WANTED_PATH: Final = "/sign-in"
_WANTED_S: Final = 3600
_PREFERENCE_S: Final = 400 * 86_400


def session_cookie_of(request: Request) -> str:
    """Return the session's secret that a request carries, or an empty text."""
    return request.cookies.get(_session_cookie_name(request), "")


def set_session_cookie(response: Response, request: Request, secret: str) -> None:
    """Set the cookie of a session's secret, which lasts until the browser is closed and which scripts cannot read."""
    response.set_cookie(
        _session_cookie_name(request), secret, httponly=True, secure=is_secure(request), samesite="lax", path="/"
    )


def delete_session_cookie(response: Response, request: Request) -> None:
    """Delete the cookie of the session."""
    response.delete_cookie(
        _session_cookie_name(request), httponly=True, secure=is_secure(request), samesite="lax", path="/"
    )


def set_state_cookie(response: Response, request: Request, state: str, path: str, lasts: timedelta) -> None:
    """Set the cookie of the state, so that only the browser that went to the provider can come back with its answer."""
    response.set_cookie(
        _STATE_COOKIE,
        state,
        max_age=round(lasts.total_seconds()),
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
        path=path,
    )


def state_cookie_of(request: Request) -> str:
    """Return the state with which this browser went to the provider, or an empty text."""
    return request.cookies.get(_STATE_COOKIE, "")


def delete_state_cookie(response: Response, request: Request, path: str) -> None:
    """Delete the cookie of the state: it counts once."""
    response.delete_cookie(_STATE_COOKIE, httponly=True, secure=is_secure(request), samesite="lax", path=path)


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


def _session_cookie_name(request: Request) -> str:
    # A browser takes a cookie of this prefix only from this very host, over HTTPS.
    return f"__Host-{_SESSION_COOKIE}" if is_secure(request) else _SESSION_COOKIE
