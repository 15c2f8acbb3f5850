"""Seals what may not lie in the clear: AES-GCM under keys that can be rotated. Where it is kept is its owner's."""

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

_NONCE: Final = 12
_KEY: Final = 32


class BadKey(ValueError):
    """A vault's key is 32 bytes in base64."""

    def __init__(self) -> None:
        super().__init__("a vault's key is 32 bytes in base64")


class Unopenable(Exception):
    """The key is gone, or what was sealed is not what lies here."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something only the holder of the key can read."""

    key_id: str
    body: bytes


class Cipher:
    """Seals with the newest key, opens with any. What is sealed is bound to a name, so that rows cannot be swapped."""

    def __init__(self, newest: bytes, *older: bytes) -> None:
        self._keys = {fingerprint(key): AESGCM(key) for key in (newest, *older)}
        self._newest = fingerprint(newest)

    @classmethod
    def of(cls, newest: SecretStr, older: SecretStr) -> Self:
        """Read the settings' base64; raises BadKey, quoting nothing."""
        return cls(read_key(newest), *read_keys(older))

    def seal(self, plain: bytes, *, bound_to: str) -> Sealed:
        """Encrypt under the newest key."""
        # 96 random bits: safe for 2**32 rows a key, after which the key is to be rotated.
        nonce = os.urandom(_NONCE)
        return Sealed(self._newest, nonce + self._keys[self._newest].encrypt(nonce, plain, bound_to.encode()))

    def open(self, sealed: Sealed, *, bound_to: str) -> bytes:
        """Decrypt what was sealed under this name; raises Unopenable."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise Unopenable(f"the vault's key {sealed.key_id} is not among those given")
        try:
            return key.decrypt(sealed.body[:_NONCE], sealed.body[_NONCE:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise Unopenable(f"what is kept under {bound_to} was not sealed for it") from error


def fingerprint(key: bytes) -> str:
    """Name a key by what it is, so that whoever rotates keys need not number them."""
    return hashlib.sha256(key).hexdigest()[:16]


def read_key(encoded: SecretStr) -> bytes:
    """Read one key; raises BadKey."""
    return _key(encoded.get_secret_value())


def read_keys(listed: SecretStr) -> list[bytes]:
    """Read keys with commas between them, or none; raises BadKey."""
    return [_key(each) for each in listed.get_secret_value().split(",") if each.strip()]


def _key(encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        raise BadKey from None
    if len(key) != _KEY:
        raise BadKey
    return key
