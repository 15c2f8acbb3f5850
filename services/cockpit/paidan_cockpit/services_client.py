"""Calls of the other services' HTTP routes, with the rights of the person on whose behalf they are."""

import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import httpx

from paidan_chassis.clock import real_now
from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_chassis.edge.person_tokens import MAX_LIFE_S, PersonClaims
from paidan_cockpit.rights import Person
from paidan_cockpit.settings import Settings

ServiceName = Literal["intake", "dispatch", "scoring", "cockpit"]
SERVICE_NAMES: Final[tuple[ServiceName, ...]] = get_args(ServiceName)
Query = Mapping[str, str | int]
_MAX_CONNECTIONS: Final = 40
_MAX_TOKENS: Final = 2000
_PROBE_WITHIN_S: Final = 2.0


class ServiceUnavailable(Exception):
    """A service did not answer in time, or answered that it cannot now."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What a service answered: its status and its body, None where that is no JSON, and the body's bytes."""

    status: int
    body: Any
    content: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked."""
        return 200 <= self.status < 300

    def message(self, language: str) -> str:
        """Return why not, as the service says it."""
        return message_in(self._error, language) or str(self.status)

    @property
    def field(self) -> str | None:
        """The part of the request that was wrong, if one was."""
        value = self._error.get("field")
        return value if isinstance(value, str) else None

    @property
    def code(self) -> str | None:
        """The name of what was wrong, as programs read it."""
        value = self._error.get("code")
        return value if isinstance(value, str) else None

    @property
    def _error(self) -> Mapping[str, Any]:
        return self.body.get("error", {}) if isinstance(self.body, dict) else {}


def message_in(refusal: Mapping[str, Any], language: str) -> str:
    """Return the message of an error or of a refusal in a language; empty where it has none."""
    return str(refusal.get("message_zh" if language == "zh" else "message") or "")


class PersonTokens:
    """Tokens in the name of persons: each is sent for half of its life, and then signed anew."""

    def __init__(self, signer: PersonTokenSigner) -> None:
        self._signer = signer
        self._tokens: dict[Person, tuple[float, str]] = {}

    def headers(self, person: Person) -> dict[str, str]:
        """Return the headers of a request in a person's name."""
        until, token = self._tokens.get(person, (0.0, ""))
        if until < time.monotonic():
            if len(self._tokens) >= _MAX_TOKENS:
                self._tokens.clear()
            claims = PersonClaims(
                person=person.person_id, city=person.city, scopes=person.scopes, post=person.post or None
            )
            token = self._signer.sign(claims, real_now())
            self._tokens[person] = (time.monotonic() + MAX_LIFE_S / 2, token)
        return {"Authorization": f"Bearer {token}"}


class ServicesClient:
    """Calls services. What a person may not do, the service itself refuses."""

    def __init__(self, clients: Mapping[ServiceName, httpx.AsyncClient], tokens: PersonTokens) -> None:
        self._clients = clients
        self._tokens = tokens

    async def get(self, service: ServiceName, path: str, person: Person, query: Query | None = None) -> ServiceAnswer:
        """Read a route; raise ServiceUnavailable where nobody answers now."""
        request = self._clients[service].build_request(
            "GET", path, params=dict(query or {}), headers=self._tokens.headers(person)
        )
        return await self._send(service, request)

    async def post(
        self, service: ServiceName, path: str, person: Person, body: object, headers: Mapping[str, str] | None = None
    ) -> ServiceAnswer:
        """Send JSON to a route; raise ServiceUnavailable where it may or may not have been taken."""
        request = self._clients[service].build_request(
            "POST", path, json=body, headers=self._tokens.headers(person) | dict(headers or {})
        )
        return await self._send(service, request)

    async def upload(
        self, service: ServiceName, path: str, person: Person, content: bytes, query: Query | None = None
    ) -> ServiceAnswer:
        """Send bytes to a route; raise ServiceUnavailable where they may or may not have been taken."""
        request = self._clients[service].build_request(
            "POST", path, content=content, params=dict(query or {}), headers=self._tokens.headers(person)
        )
        return await self._send(service, request)

    def addresses(self) -> Mapping[ServiceName, str]:
        """Return where the services are asked."""
        return {name: str(client.base_url).rstrip("/") for name, client in self._clients.items()}

    async def probe(self, service: ServiceName, path: str) -> ServiceAnswer | None:
        """Read a route of health, which needs no token, whatever its status; None where nobody answers."""
        try:
            response = await self._clients[service].get(path, timeout=_PROBE_WITHIN_S)
            body = response.json() if response.headers.get("content-type", "").startswith("application/json") else None
        except (httpx.HTTPError, ValueError):
            return None
        return ServiceAnswer(response.status_code, body, response.content)

    async def _send(self, service: ServiceName, request: httpx.Request) -> ServiceAnswer:
        try:
            response = await self._clients[service].send(request)
        except httpx.HTTPError as error:
            raise ServiceUnavailable(service) from error
        if response.status_code in (502, 503, 504):
            raise ServiceUnavailable(service)
        try:
            body = response.json()
        except ValueError:
            body = None
        return ServiceAnswer(response.status_code, body, response.content)


@asynccontextmanager
async def open_services_client(settings: Settings) -> AsyncIterator[ServicesClient]:
    """Open connections to the services as they are asked for."""
    # It would log each address, with the ids in it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    limits = httpx.Limits(max_connections=_MAX_CONNECTIONS)
    addresses: dict[ServiceName, str] = {
        "intake": settings.intake,
        "dispatch": settings.dispatch,
        "scoring": settings.scoring,
        "cockpit": settings.persons_issuer,
    }
    clients = {
        name: httpx.AsyncClient(base_url=address, timeout=settings.answer_within_s, limits=limits, trust_env=False)
        for name, address in addresses.items()
    }
    try:
        yield ServicesClient(clients, PersonTokens(settings.token_signer()))
    finally:
        for client in clients.values():
            await client.aclose()
