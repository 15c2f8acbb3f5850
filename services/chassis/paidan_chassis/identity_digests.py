"""Keyed digests of what an identity provider says about a person: without the key nobody can search them."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from pydantic import SecretStr

from paidan_chassis.encryption import parse_key, parse_keys

_PURPOSE: Final = b"paidan identity of a person\0"
NO_OLDER_KEYS: Final = SecretStr("")


@dataclass(frozen=True, slots=True)
class IdentityDigests:
    """Digests under the newest key; older keys still find what was stored under them."""

    keys: Sequence[bytes]

    @classmethod
    def from_base64(cls, newest: SecretStr, older: SecretStr = NO_OLDER_KEYS) -> Self:
        """Return digests under the settings' keys; raise ``InvalidEncryptionKey``."""
        return cls((parse_key(newest), *parse_keys(older)))

    def of_subject(self, issuer: str, subject: str) -> list[bytes]:
        """Return the digests of an issuer's subject, that of the newest key first."""
        return self._digests("subject", issuer.rstrip("/"), subject)

    def of_email(self, address: str) -> list[bytes]:
        """Return the digests of an e-mail address, however its letters are written; that of the newest key first."""
        return self._digests("email", address.strip().casefold())

    def _digests(self, *parts: str) -> list[bytes]:
        message = _PURPOSE + json.dumps(parts).encode()
        return [hmac.digest(key, message, hashlib.sha256) for key in self.keys]
