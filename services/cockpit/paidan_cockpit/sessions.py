"""Sessions that hold: listed and ended by their owner, and by who runs the system."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from paidan_chassis.database import Pool
from paidan_cockpit.accounts import SessionTerms
from paidan_cockpit.rights import Person
from paidan_contracts.city.pack_types import Names

_TIMEOUT_S: Final = 5.0
_MAX_SHOWN: Final = 500
_VISIBLE: Final = """session.ended_at IS NULL
       AND session.expires_at > clock_timestamp()
       AND person.disabled_at IS NULL
       AND (person.person_id = $1 OR ($2 AND ($3 = '*' OR person.city = $3)))"""
_SELECT_SESSIONS: Final = f"""
    SELECT session_id, person_id::text AS person_id, name, post, city, session.created_at, seen_at, expires_at
      FROM session
      JOIN person USING (person_id)
     WHERE {_VISIBLE}
       AND seen_at > clock_timestamp() - $4::interval
     ORDER BY person_id <> $1, seen_at DESC
     LIMIT {_MAX_SHOWN}
"""
_END_SESSION: Final = f"""
      WITH ended AS (
           UPDATE session
              SET ended_at = clock_timestamp()
             FROM person
            WHERE session.session_id = $4
              AND person.person_id = session.person_id
              AND {_VISIBLE}
        RETURNING session.session_id, session.person_id
      )
    INSERT INTO sign_in (kind, person_id, session_id, address, detail)
    SELECT 'session_ended', person_id, session_id, $5, 'by person_' || $1::uuid
      FROM ended
    RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that holds, of whom and since when."""

    session_id: uuid.UUID
    person_id: str
    name: str
    post: str
    city: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    post_names: Names | None = None
    """As the pack in force names the post."""


async def list_sessions(pool: Pool, person: Person, terms: SessionTerms) -> Sequence[OpenSession]:
    """Return the person's own sessions first, and of who runs the system those of everybody in the city."""
    rows = await pool.fetch(_SELECT_SESSIONS, *_rights(person), terms.idle, timeout=_TIMEOUT_S)
    return [OpenSession(**row) for row in rows]


async def end_session(pool: Pool, person: Person, session_id: uuid.UUID, address: str) -> bool:
    """End a session that the person may end, and log who did; return whether there was one."""
    return bool(await pool.fetchval(_END_SESSION, *_rights(person), session_id, address, timeout=_TIMEOUT_S))


def runs_the_system(person: Person) -> bool:
    """Return whether the person runs the system: an administrator, or who operates the installation."""
    return person.grants.has_role("admin") or person.operates_installation


def _rights(person: Person) -> tuple[uuid.UUID, bool, str]:
    return uuid.UUID(person.person_id), runs_the_system(person), person.city
