"""Sign-ins that are under way at the provider, and which of its subjects is which person."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from paidan_chassis.database import Connection, Pool
from paidan_chassis.identity_digests import IdentityDigests
from paidan_cockpit.accounts import Accounts, hash_secret
from paidan_cockpit.oidc import ProviderIdentity, ProviderRequest

PENDING_SIGN_IN_LASTS: Final = timedelta(minutes=10)
_TIMEOUT_S: Final = 5.0
_BOUND_AT_SIGN_IN: Final = "first sign-in by e-mail"
_INSERT_PENDING: Final = """
      WITH expired AS (
           DELETE FROM provider_visit
            WHERE expires_at < clock_timestamp()
      )
    INSERT INTO provider_visit (hash, nonce, verifier, next_path, expires_at)
    VALUES ($1, $2, $3, $4, clock_timestamp() + $5)
"""
_TAKE_PENDING: Final = """
    DELETE FROM provider_visit
     WHERE hash = $1
    RETURNING nonce, verifier, next_path, expires_at > clock_timestamp() AS holds
"""
_FIND_BY_SUBJECT: Final = """
    SELECT person_id
      FROM person_identity
      JOIN person USING (person_id)
     WHERE digest = ANY($1::bytea[])
       AND kind = 'subject'
       AND disabled_at IS NULL
"""
# Addresses are handed on to others: an address signs in only until its holder's subject is known.
_FIND_BY_EMAIL: Final = """
    SELECT person_id
      FROM person_identity AS found
      JOIN person USING (person_id)
     WHERE digest = ANY($1::bytea[])
       AND kind = 'email'
       AND disabled_at IS NULL
       AND NOT EXISTS (
           SELECT 1
             FROM person_identity AS known
            WHERE known.person_id = found.person_id
              AND known.kind = 'subject')
"""
_INSERT_SUBJECT: Final = """
    INSERT INTO person_identity (digest, kind, person_id, created_by)
    VALUES ($1, 'subject', $2, $3)
        ON CONFLICT DO NOTHING
"""
_RENEW_SUBJECT: Final = """
    UPDATE person_identity
       SET digest = $2
     WHERE digest = ANY($1::bytea[])
       AND digest <> $2
       AND kind = 'subject'
"""


class PendingSignIn(NamedTuple):
    """What a provider's answer is checked with, and where the person wanted to go."""

    nonce: str
    verifier: str
    next_path: str


@dataclass(frozen=True, slots=True)
class Identities:
    """Signs persons in by what the provider says."""

    pool: Pool
    accounts: Accounts
    digests: IdentityDigests

    async def remember(self, request: ProviderRequest, next_path: str) -> None:
        """Store a sign-in that goes to the provider."""
        await self.pool.execute(
            _INSERT_PENDING,
            hash_secret(request.state),
            request.nonce,
            request.verifier,
            next_path,
            PENDING_SIGN_IN_LASTS,
            timeout=_TIMEOUT_S,
        )

    async def take(self, state: str) -> PendingSignIn | None:
        """Return the sign-in with this state, and forget it: an answer counts once."""
        row = await self.pool.fetchrow(_TAKE_PENDING, hash_secret(state), timeout=_TIMEOUT_S)
        return PendingSignIn(row["nonce"], row["verifier"], row["next_path"]) if row and row["holds"] else None

    async def sign_in(self, identity: ProviderIdentity, address: str) -> str | None:
        """Return the secret of a new session of the person with this identity; None where nobody has it."""
        async with self.pool.acquire() as conn, conn.transaction():
            person_id = await self._find_person(conn, identity)
            if person_id is None:
                await self.accounts.note(conn, "provider_refused", None, None, address)
                return None
            return await self.accounts.begin_session(conn, person_id, address, "provider")

    async def note_refusal(self, address: str) -> None:
        """Log an answer that proved nobody's identity."""
        async with self.pool.acquire() as conn:
            await self.accounts.note(conn, "provider_refused", None, None, address)

    async def _find_person(self, conn: Connection, identity: ProviderIdentity) -> uuid.UUID | None:
        subjects = self.digests.of_subject(identity.issuer, identity.subject)
        person_id: uuid.UUID | None = await conn.fetchval(_FIND_BY_SUBJECT, subjects)
        if person_id is not None:
            await conn.execute(_RENEW_SUBJECT, subjects, subjects[0])
            return person_id
        if identity.email is None:
            return None
        found = await conn.fetchval(_FIND_BY_EMAIL, self.digests.of_email(identity.email))
        if found is not None:
            await conn.execute(_INSERT_SUBJECT, subjects[0], found, _BOUND_AT_SIGN_IN)
            # Of two tabs that sign in at once, the other one may have inserted it.
            person_id = await conn.fetchval(_FIND_BY_SUBJECT, subjects)
        return person_id
