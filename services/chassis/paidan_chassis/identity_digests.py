"""Keyed digests of what an identity provider says about a person: without the key nobody can search them."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Final, Self

from pydantic import SecretStr

from paidan_chassis.encryption import parse_key, parse_keys

_LOWER_CASE: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_PURPOSE: Final = b"paidan identity of a person\0"


@dataclass(frozen=True, slots=True)
class IdentityDigests:
    """Digests under the newest key; older keys still find what was stored under them."""

    keys: Sequence[bytes]

    @classmethod
    def from_base64(cls, newest: SecretStr, older: Iterable[SecretStr] = ()) -> Self:
        """Return digests under the settings' keys, each of ``older`` a list; raise ``InvalidEncryptionKey``."""
        return cls((parse_key(newest), *(key for keys in older for key in parse_keys(keys))))

    def of_subject(self, issuer: str, subject: str) -> list[bytes]:
        """Return the digests of an issuer's subject, that of the newest key first."""
        return self._digests("subject", issuer.rstrip("/"), subject)

    def of_email(self, address: str) -> list[bytes]:
        """Return the digests of an e-mail address, whatever its case; that of the newest key first.

        Of ASCII letters alone: of others, an address of somebody else's may be the same without its case.
        """
        return self._digests("email", address.strip().translate(_LOWER_CASE))

    def _digests(self, *parts: str) -> list[bytes]:
        message = _PURPOSE + json.dumps(parts).encode()
        return [hmac.digest(key, message, hashlib.sha256) for key in self.keys]
