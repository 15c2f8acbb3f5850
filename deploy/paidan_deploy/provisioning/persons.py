"""Persons who sign in at the cockpit, and their sign-in links: rows of its schema, as an administrator adds them."""

import hashlib
import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import asyncpg

from paidan_chassis import city_packs
from paidan_chassis.database import Connection
from paidan_contracts.city import City
from paidan_contracts.city.posts import Post
from paidan_contracts.nearest import nearest
from paidan_contracts.scopes import ALL_CITIES, validate_key
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import require_published

POSTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "dispatcher": ("role:operator",),
        "inspector": ("role:inspector",),
        "caller-back": ("role:caller",),
        "monitor": ("role:monitor",),
        "clerk": (),
        "administrator": ("role:admin",),
        "system-operator": ("role:operator",),
    }
)
"""Posts that there are whatever the city's pack says, and what they may do; a clerk answers for one department."""
CLERK: Final = "clerk"
_KINDS_ZH: Final = {"subject": "主体标识", "email": "邮箱"}
SYSTEM_OPERATOR: Final = "system-operator"
"""Redrives dead letters and lifts halts, which are of no single city: no pack grants it."""
LINK_VALIDITY: Final = timedelta(minutes=10)

_INSERT_PERSON: Final = """
    INSERT INTO cockpit.person (person_id, name, city, post, scopes, created_by)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
_INSERT_IDENTITY: Final = """
    INSERT INTO cockpit.person_identity (digest, kind, person_id, created_by)
    VALUES ($1, $2, $3, $4)
"""
_FIND_PERSON: Final = """
    SELECT person_id
      FROM cockpit.person
     WHERE name = $1
       AND city = $2
       AND post = $3
       AND scopes IS NOT DISTINCT FROM $4
       AND disabled_at IS NULL
     ORDER BY created_at
     LIMIT 1
"""
_SELECT_PERSONS: Final = """
    SELECT person_id, name, city, post, scopes, created_at, created_by, disabled_at,
           (SELECT max(at)
              FROM cockpit.sign_in
             WHERE sign_in.person_id = person.person_id
               AND kind = 'signed_in') AS seen_at,
           ARRAY(SELECT kind
                   FROM cockpit.person_identity
                  WHERE person_identity.person_id = person.person_id
                  ORDER BY kind DESC) AS identities
      FROM cockpit.person
     ORDER BY created_at, person_id
"""
_DISABLE_PERSON: Final = """
      WITH disabled AS (
           UPDATE cockpit.person
              SET disabled_at = COALESCE(disabled_at, clock_timestamp())
            WHERE person_id = $1
        RETURNING person_id
      ), ended AS (
           UPDATE cockpit.session
              SET ended_at = clock_timestamp()
             FROM disabled
            WHERE session.person_id = disabled.person_id
              AND session.ended_at IS NULL
        RETURNING session.person_id, session.session_id
      ), freed AS (
           DELETE FROM cockpit.person_identity
            USING disabled
            WHERE person_identity.person_id = disabled.person_id
      ), logged AS (
           INSERT INTO cockpit.sign_in (kind, person_id, session_id, address)
           SELECT 'session_ended', person_id, session_id, ''
             FROM ended
      )
    SELECT count(*)
      FROM disabled
"""
_INSERT_LINK: Final = """
    INSERT INTO cockpit.sign_in_link (hash, person_id, created_by, expires_at)
    SELECT $1, person_id, $3, clock_timestamp() + $4
      FROM cockpit.person
     WHERE person_id = $2
       AND disabled_at IS NULL
    RETURNING true
"""


class StoredPerson(NamedTuple):
    """A person, with the last sign-in."""

    person_id: uuid.UUID
    name: str
    city: str
    post: str
    scopes: tuple[str, ...] | None
    """None: what the pack in force says of the post."""
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    seen_at: datetime | None
    identities: tuple[str, ...]
    """By what a provider's users are known: subject, email."""


class NewPerson(NamedTuple):
    """A person to be added."""

    name: str
    city: str
    post: str
    department: str | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return what a post of every installation may do. Raises DeployError for a clerk of no department."""
        if self.post == CLERK and self.department is None:
            raise DeployError("name the clerk's department / 请注明经办人所属单位：--department ID")
        if self.post != CLERK and self.department is not None:
            raise DeployError("only a clerk answers for a department / 只有单位经办人才须注明单位")
        if self.post == SYSTEM_OPERATOR and self.city != ALL_CITIES:
            raise DeployError("a system operator serves all cities: --city '*' / 运维人员负责所有城市：--city '*'")
        return (f"department:{self.department}",) if self.department else POSTS[self.post]


class IdentityDigest(NamedTuple):
    """What a person is known by at the identity provider: its kind, and a keyed digest."""

    kind: Literal["subject", "email"]
    digest: bytes


async def add_person(
    connection: Connection, person: NewPerson, *, created_by: str, identities: Sequence[IdentityDigest] = ()
) -> uuid.UUID:
    """Store a person; return the new id. Raises an error for a post, city or department that there is not.

    Of a post of the city's pack no scopes are stored: it may do what the pack in force says.
    """
    scopes = await _stored_scopes(connection, person)
    person_id = uuid.uuid4()
    async with connection.transaction():
        await connection.execute(_INSERT_PERSON, person_id, person.name, person.city, person.post, scopes, created_by)
        for each in identities:
            try:
                await connection.execute(_INSERT_IDENTITY, each.digest, each.kind, person_id, created_by)
            except asyncpg.UniqueViolationError:
                raise DeployError(
                    f"somebody else has this {each.kind} already / 该{_KINDS_ZH[each.kind]}已属于其他人员"
                ) from None
    return person_id


async def find_or_add_person(connection: Connection, person: NewPerson, *, created_by: str) -> uuid.UUID:
    """Return the id of the person with this name and post, added if there is none."""
    scopes = await _stored_scopes(connection, person)
    found: uuid.UUID | None = await connection.fetchval(_FIND_PERSON, person.name, person.city, person.post, scopes)
    return found or await add_person(connection, person, created_by=created_by)


async def _stored_scopes(connection: Connection, person: NewPerson) -> list[str] | None:
    posts = await posts_of_pack(connection, person.city)
    if any(each.id == person.post for each in posts):
        return None
    if person.post not in POSTS:
        known = [*(each.id for each in posts), *POSTS]
        hint = nearest(person.post, known)
        raise DeployError(
            f"there is no post {person.post}; there are: {', '.join(known)}{hint.en}"
            f" / 没有岗位 {person.post}；可用的有：{'、'.join(known)}{hint.zh}"
        )
    validate_key(person.city, person.scopes)
    await require_published(connection, person.city, person.scopes)
    return list(person.scopes)


async def posts_of_pack(connection: Connection, city: str) -> tuple[Post, ...]:
    """Return the posts of a city's pack in force; none where it has none, or for all cities."""
    version = (await city_packs.load_current_versions(connection)).get(city)
    content = await city_packs.find_content(connection, version) if version else None
    return City.from_canonical(content).pack.posts or () if content is not None else ()


async def list_persons(connection: Connection) -> list[StoredPerson]:
    """Return every person, oldest first, disabled ones included."""
    rows = await connection.fetch(_SELECT_PERSONS)
    return [
        StoredPerson(
            **{
                **row,
                "scopes": tuple(row["scopes"]) if row["scopes"] is not None else None,
                "identities": tuple(row["identities"]),
            }
        )
        for row in rows
    ]


async def disable_person(connection: Connection, person_id: uuid.UUID) -> bool:
    """Disable a person and end all sessions; return whether there is such a person.

    What the provider knows the person by is free, for the same human at another post.
    """
    return bool(await connection.fetchval(_DISABLE_PERSON, person_id))


async def create_link(
    connection: Connection, person_id: uuid.UUID, *, created_by: str, valid_for: timedelta = LINK_VALIDITY
) -> str:
    """Return the secret of a new sign-in link, of which only a hash is stored.

    Raises DeployError for a person whom there is not, or who is disabled.
    """
    secret = secrets.token_urlsafe(32)
    secret_hash = hashlib.sha256(secret.encode()).digest()
    if not await connection.fetchval(_INSERT_LINK, secret_hash, person_id, created_by, valid_for):
        raise no_such_person(str(person_id))
    return secret


def no_such_person(person: str) -> DeployError:
    """Return the error for an id that nobody has who may sign in."""
    return DeployError(f"there is no person {person} who may sign in / 没有可登录的人员 {person}")
