"""Sign-in links, sessions and the log of sign-ins. Secrets are stored as hashes alone."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from paidan_chassis.database import Connection, Pool
from paidan_cockpit.city_packs import PackCache
from paidan_cockpit.rights import Person
from paidan_contracts.city.pack_types import Names
from paidan_contracts.city.posts import Post, scopes_of

_TIMEOUT_S: Final = 5.0
_SELECT_LINK: Final = """
    SELECT name, post, city
      FROM sign_in_link
      JOIN person USING (person_id)
     WHERE hash = $1
       AND used_at IS NULL
       AND expires_at > clock_timestamp()
       AND disabled_at IS NULL
"""
_USE_LINK: Final = """
    UPDATE sign_in_link
       SET used_at = clock_timestamp()
      FROM person
     WHERE sign_in_link.hash = $1
       AND used_at IS NULL
       AND expires_at > clock_timestamp()
       AND person.person_id = sign_in_link.person_id
       AND disabled_at IS NULL
    RETURNING person.person_id
"""
_INSERT_SESSION: Final = """
    INSERT INTO session (hash, session_id, person_id, csrf, expires_at)
    VALUES ($1, $2, $3, $4, clock_timestamp() + $5)
"""
_INSERT_SIGN_IN: Final = """
    INSERT INTO sign_in (kind, person_id, session_id, address, detail)
    VALUES ($1, $2, $3, $4, $5)
"""
# Noted once a minute: a session is read with every request.
_FIND_SESSION: Final = """
      WITH found AS (
           SELECT hash, session_id, csrf, seen_at, person_id::text AS person_id, name, city, post, scopes
             FROM session
             JOIN person USING (person_id)
            WHERE hash = $1
              AND session.ended_at IS NULL
              AND session.expires_at > clock_timestamp()
              AND session.seen_at > clock_timestamp() - $2::interval
              AND person.disabled_at IS NULL
      ), noted AS (
           UPDATE session
              SET seen_at = clock_timestamp()
             FROM found
            WHERE session.hash = found.hash
              AND found.seen_at < clock_timestamp() - interval '1 minute'
              AND $3
      )
    SELECT session_id, csrf, person_id, name, city, post, scopes
      FROM found
"""
_END_SESSION: Final = """
    UPDATE session
       SET ended_at = clock_timestamp()
     WHERE session_id = $1
       AND ended_at IS NULL
    RETURNING person_id
"""

SIGN_INS: Final = """
    SELECT at, kind, COALESCE('person_' || person_id, ''), NULL::text, session_id::text, detail, sign_in_id
      FROM sign_in
"""
"""Sign-ins as entries of the audit trail; names and addresses stay here."""


@dataclass(frozen=True, slots=True)
class Session:
    """A person's session; ``csrf`` is in every form that it is sent."""

    session_id: uuid.UUID
    csrf: str
    person: Person


@dataclass(frozen=True, slots=True)
class LinkHolder:
    """Whom a sign-in link signs in."""

    name: str
    post: str
    post_names: Names | None = None


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """How long a session lasts: at most, and without a page being opened."""

    lasts: timedelta
    idle: timedelta


class Accounts:
    """Persons' sessions, in the database: any process of the cockpit knows them, and each can be ended."""

    def __init__(self, pool: Pool, packs: PackCache, terms: SessionTerms) -> None:
        self._pool = pool
        self._packs = packs
        self.terms = terms

    async def find_link(self, token: str) -> LinkHolder | None:
        """Return whom a link would sign in; None for one that is used, too old or unknown. Changes nothing."""
        row = await self._pool.fetchrow(_SELECT_LINK, hash_secret(token), timeout=_TIMEOUT_S)
        if row is None:
            return None
        post = await self._find_post(row["city"], row["post"])
        return LinkHolder(row["name"], row["post"], post.names if post else None)

    async def sign_in(self, token: str, address: str) -> str | None:
        """Use a link up; return the new session's secret, or None for a link that holds no more."""
        async with self._pool.acquire() as conn, conn.transaction():
            person_id = await conn.fetchval(_USE_LINK, hash_secret(token))
            if person_id is None:
                await self.note(conn, "link_refused", None, None, address)
                return None
            return await self.begin_session(conn, person_id, address, "link")

    async def begin_session(self, conn: Connection, person_id: uuid.UUID, address: str, by: str) -> str:
        """Store a new session and log the sign-in; return its secret."""
        secret, session_id = secrets.token_urlsafe(32), uuid.uuid4()
        csrf = secrets.token_urlsafe(32)
        await conn.execute(_INSERT_SESSION, hash_secret(secret), session_id, person_id, csrf, self.terms.lasts)
        await self.note(conn, "signed_in", person_id, session_id, address, by)
        return secret

    async def find_session(self, secret: str, *, is_seen: bool = True) -> Session | None:
        """Return a session that still holds; ``is_seen``: somebody is there, so that it goes on holding."""
        row = await self._pool.fetchrow(
            _FIND_SESSION, hash_secret(secret), self.terms.idle, is_seen, timeout=_TIMEOUT_S
        )
        if row is None:
            return None
        post = await self._find_post(row["city"], row["post"])
        scopes = frozenset(row["scopes"]) if row["scopes"] is not None else scopes_of(post) if post else frozenset()
        if not scopes:
            return None  # the pack in force has no such post any more
        names = post.names if post else None
        person = Person(row["person_id"], row["name"], row["city"], row["post"], scopes, names)
        return Session(row["session_id"], row["csrf"], person)

    async def _find_post(self, city_id: str, post: str) -> Post | None:
        city = (await self._packs.current()).get(city_id)
        return city.posts.get(post) if city else None

    async def sign_out(self, session_id: uuid.UUID, address: str) -> None:
        """End a session; a repeat changes nothing."""
        async with self._pool.acquire() as conn, conn.transaction():
            person_id = await conn.fetchval(_END_SESSION, session_id)
            if person_id is not None:
                await self.note(conn, "signed_out", person_id, session_id, address)

    async def note(
        self,
        conn: Connection,
        kind: str,
        person_id: uuid.UUID | None,
        session_id: uuid.UUID | None,
        address: str,
        detail: str | None = None,
    ) -> None:
        """Log a sign-in, a sign-out or a refusal."""
        await conn.execute(_INSERT_SIGN_IN, kind, person_id, session_id, address, detail)


def hash_secret(secret: str) -> bytes:
    """Return the hash under which a secret of 256 random bits is stored; nobody can search those."""
    return hashlib.sha256(secret.encode()).digest()
