"""``/v1/audit``: the access log, refused requests and keys, for those whose duty it is. Each look is logged first."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from paidan_chassis.database import Pool
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.audit import AccessEvent, log_access
from paidan_chassis.edge.cursors import CursorCodec, InvalidCursor
from paidan_chassis.edge.routes import create_router

LimitParam = Annotated[int, Query(ge=1, le=1000)]
AfterParam = Annotated[str | None, Query(max_length=200, description="`next` of the previous page.")]
TimeParam = Annotated[AwareDatetime | None, Query()]
NO_LOOKS: Final = (
    "SELECT NULL::timestamptz, 'person_read', '', NULL::text, NULL::text, NULL::text, 0::bigint WHERE false"
)


@dataclass(frozen=True, slots=True)
class AuditDuties:
    """Who may read what: scopes of auditors, of those who see keys and refusals alone, and the city of such keys."""

    auditors: Collection[str]
    security: Collection[str]
    city: str


class EventResponse(BaseModel, title="AuditEvent"):
    """An entry of the access log.

    A key granted, renewed or revoked; a look at a person, a dead letter or this log; a dead letter redriven or dropped;
    a halt lifted.
    """

    at: datetime
    kind: str
    actor: str
    key_id: str | None
    subject: str | None = Field(description="What it was about: the id of a report, a dead letter or a halt.")
    detail: str | None = Field(description="What was granted, or the reason that was stated.")


class EventsResponse(BaseModel, title="AuditEvents"):
    """A page of the access log, newest first."""

    events: list[EventResponse]
    next: str | None = Field(description="Value of `after` for the next page; null on the last page.")


class RefusalResponse(BaseModel, title="RefusalCount"):
    """How often requests with a key from an address were refused on a route within a minute."""

    minute: datetime
    key_id: str = Field(description="Empty where no valid key was sent.")
    address: str
    route: str
    status: int
    number: int


class RefusalsResponse(BaseModel, title="RefusalCounts"):
    """Refused requests, newest first."""

    refusals: list[RefusalResponse]


class KeyResponse(BaseModel, title="AuditedKey"):
    """A key, without its token, which is not stored."""

    key_id: str
    name: str
    city: str
    scopes: list[str]
    created_at: datetime
    granted_by: str | None
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="On this service, within the last minute.")
    revoked_at: datetime | None


class KeysResponse(BaseModel, title="AuditedKeys"):
    """Every key, revoked and expired ones included, oldest first."""

    keys: list[KeyResponse]


class _EventKey(NamedTuple):
    at: AwareDatetime
    kind: str
    id: int


_CURSORS: Final = CursorCodec(_EventKey)


def create_audit_router(pool: Pool, duties: AuditDuties, *, looks: str = NO_LOOKS) -> APIRouter:
    """Return the routes of the audit trail.

    ``looks`` selects a service's own log of looks at persons: time, kind, actor, key, subject, detail, id.
    """
    router = create_router(prefix="/v1/audit", tags=["audit"])
    trail = _Trail(pool, duties, _SELECT_EVENTS.format(looks=looks))
    router.add_api_route("/events", trail.list_events, methods=["GET"], summary="The access log")
    router.add_api_route("/refusals", trail.list_refusals, methods=["GET"], summary="Refused requests, counted")
    router.add_api_route("/keys", trail.list_keys, methods=["GET"], summary="Keys")
    return router


@dataclass(frozen=True, slots=True)
class _Trail:
    pool: Pool
    duties: AuditDuties
    select_events: str

    async def list_events(
        self,
        caller: Caller,
        since: TimeParam = None,
        until: TimeParam = None,
        after: AfterParam = None,
        limit: LimitParam = 100,
    ) -> EventsResponse:
        """Return who was granted a key, who lost one and who looked at a person or at this log; for auditors."""
        self._require(caller, self.duties.auditors)
        start = _decode_cursor(after) if after else (None, None, None)
        await log_access(self.pool, AccessEvent("audit_read", caller.name, caller.key_id))
        rows = await self.pool.fetch(self.select_events, since, until, *start, limit, timeout=30)
        last = rows[-1] if len(rows) == limit else None
        return EventsResponse(
            events=[EventResponse(**_without_id(row)) for row in rows],
            next=_CURSORS.encode(_EventKey(last["at"], last["kind"], last["id"])) if last else None,
        )

    async def list_refusals(
        self, caller: Caller, since: TimeParam = None, until: TimeParam = None, limit: LimitParam = 1000
    ) -> RefusalsResponse:
        """Return refused requests by minute, key, address and route; for auditors and security administrators."""
        self._require(caller, {*self.duties.auditors, *self.duties.security})
        rows = await self.pool.fetch(_SELECT_REFUSALS, since, until, limit, timeout=30)
        return RefusalsResponse(refusals=[RefusalResponse(**dict(row)) for row in rows])

    async def list_keys(self, caller: Caller) -> KeysResponse:
        """Return keys with grantor, end and last use; for auditors and security administrators."""
        self._require(caller, {*self.duties.auditors, *self.duties.security})
        rows = await self.pool.fetch(_SELECT_KEYS, timeout=30)
        return KeysResponse(keys=[KeyResponse(**dict(row)) for row in rows])

    def _require(self, caller: Principal, scopes: Collection[str]) -> None:
        if caller.city != self.duties.city or caller.scopes.isdisjoint(scopes):
            raise problems.forbidden()


def _decode_cursor(cursor: str) -> _EventKey:
    try:
        return _CURSORS.decode(cursor)
    except InvalidCursor:
        raise problems.invalid("after", "send the `next` of the previous page", "请使用上一页返回的 next") from None


def _without_id(row: Any) -> dict[str, Any]:  # noqa: ANN401 - asyncpg's row
    return {name: value for name, value in row.items() if name != "id"}


_SELECT_EVENTS: Final = """
    WITH looks (at, kind, actor, key_id, subject, detail, id) AS ({looks}),
         events AS (
             SELECT at, kind, actor, key_id, subject, detail, id FROM access_log
             UNION ALL
             SELECT at, kind, actor, key_id, subject, detail, id FROM looks)
    SELECT at, kind, actor, key_id, subject, detail, id
      FROM events
     WHERE ($1::timestamptz IS NULL OR at >= $1)
       AND ($2::timestamptz IS NULL OR at < $2)
       AND ($3::timestamptz IS NULL OR (at, kind, id) < ($3, $4::text, $5::bigint))
     ORDER BY at DESC, kind DESC, id DESC
     LIMIT $6
"""
_SELECT_REFUSALS: Final = """
    SELECT minute, key_id, address, route, status, number
      FROM refusal
     WHERE ($1::timestamptz IS NULL OR minute >= $1)
       AND ($2::timestamptz IS NULL OR minute < $2)
     ORDER BY minute DESC, number DESC, key_id, address, route, status
     LIMIT $3
"""
_SELECT_KEYS: Final = """
    SELECT key_id, name, city, scopes, created_at, granted_by, expires_at, last_used_at, revoked_at
      FROM api_key
     ORDER BY created_at, key_id
"""
