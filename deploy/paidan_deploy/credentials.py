"""Secrets of a local installation: generated once, readable by their owner alone, never printed."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

from paidan_chassis.edge.api_keys import TOKEN_PREFIX, NewApiKey, hash_token
from paidan_deploy.servers.atomic_files import write_atomically


@dataclass(frozen=True, slots=True)
class Credentials:
    """A folder with one file for each secret; a missing one is generated when it is asked for."""

    folder: Path

    def password(self, role: str) -> str:
        """Return the password of a PostgreSQL role."""
        return self._read_or_create(f"postgres-{role}", secrets.token_urlsafe(24))

    def key(self, name: str) -> str:
        """Return a 256-bit key in base64, for encryption or for signing links."""
        return self._read_or_create(name, base64.b64encode(secrets.token_bytes(32)).decode())

    @property
    def admin_token(self) -> str:
        """The token of the system administrator's key, with which commands read scores."""
        return self._read_or_create("admin-token", TOKEN_PREFIX + secrets.token_urlsafe(32))

    @property
    def admin_key(self) -> NewApiKey:
        """The administrator's key as services store it: a hash of the token."""
        token = self.admin_token
        return NewApiKey(f"key_{hash_token(token).hex()[:16]}", hash_token(token), "admin", "*", ("role:admin",))

    def existing(self, name: str) -> str | None:
        """Return a secret if it exists; never generate it."""
        path = self.folder / name
        return path.read_text() if path.exists() else None

    def _read_or_create(self, name: str, default: str) -> str:
        path = self.folder / name
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(path, default, mode=0o600)
        return path.read_text()
