"""Seals what may not travel: AES-GCM under keys that can be rotated. Where it is kept is in `queries`."""

import base64
import os
from collections.abc import Mapping
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

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = next(iter(keys))

    @classmethod
    def of(cls, setting: SecretStr) -> Self:
        """Read ``id:base64,id:base64``, newest first; raises Misconfigured, quoting nothing."""
        keys: dict[str, bytes] = {}
        for entry in setting.get_secret_value().split(","):
            key_id, _, encoded = entry.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except ValueError:
                key = b""
            if not key_id or len(key) != 32 or key_id in keys:
                raise Misconfigured("INTAKE_VAULT_KEYS: each key is id:base64 of 32 bytes, every id once")
            keys[key_id] = key
        return cls(keys)

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
            raise Unopenable(f"the vault's key {sealed.key_id} is not among INTAKE_VAULT_KEYS")
        try:
            body = key.decrypt(sealed.body[:_NONCE], sealed.body[_NONCE:], report_id.encode())
        except InvalidTag as error:
            raise Unopenable(f"what is kept for report {report_id} was not sealed for it") from error
        return _PRIVATE.validate_json(body)
