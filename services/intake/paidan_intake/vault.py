"""Seals what may not travel: AES-GCM under keys that can be rotated. Where it is kept is in `queries`."""

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr, TypeAdapter

from paidan_chassis.errors import Misconfigured
from paidan_intake.receiving import Private

_NONCE: Final = 12
_PRIVATE: Final = TypeAdapter(Private)


class Unopenable(Exception):
    """The key is gone, or what was sealed is not what lies here."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something only the holder of the key can read."""

    key_id: str
    body: bytes


class Cipher:
    """Seals with the newest key, opens with any. A report's id is bound in, so that rows cannot be swapped."""

    def __init__(self, newest: bytes, *older: bytes) -> None:
        self._keys = {fingerprint(key): AESGCM(key) for key in (newest, *older)}
        self._newest = fingerprint(newest)

    @classmethod
    def of(cls, newest: SecretStr, older: SecretStr) -> Self:
        """Read the settings' base64; raises Misconfigured, quoting nothing."""
        former = [each for each in older.get_secret_value().split(",") if each.strip()]
        return cls(_key(newest.get_secret_value()), *map(_key, former))

    def seal(self, report_id: str, private: Private) -> Sealed:
        """Encrypt under the newest key."""
        # 96 random bits: safe for 2**32 rows a key, after which the key is to be rotated.
        nonce = os.urandom(_NONCE)
        body = self._keys[self._newest].encrypt(nonce, _PRIVATE.dump_json(private), report_id.encode())
        return Sealed(self._newest, nonce + body)

    def open(self, report_id: str, sealed: Sealed) -> Private:
        """Decrypt what was sealed for this report; raises Unopenable."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise Unopenable(f"the vault's key {sealed.key_id} is not among those given")
        try:
            body = key.decrypt(sealed.body[:_NONCE], sealed.body[_NONCE:], report_id.encode())
        except InvalidTag as error:
            raise Unopenable(f"what is kept for report {report_id} was not sealed for it") from error
        return _PRIVATE.validate_json(body)


def fingerprint(key: bytes) -> str:
    """Name a key by what it is, so that whoever rotates keys need not number them."""
    return hashlib.sha256(key).hexdigest()[:16]


def _key(encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Misconfigured("INTAKE_VAULT_KEY, INTAKE_VAULT_OLD_KEYS: a key is 32 bytes in base64")
    return key
