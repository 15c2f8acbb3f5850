"""Seals what may not lie in the clear: AES-GCM under keys that can be rotated. Where it is kept is its owner's."""

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


class InvalidEncryptionKey(ValueError):
    """A vault's key is 32 bytes in base64."""

    def __init__(self) -> None:
        super().__init__("a vault's key is 32 bytes in base64")


class DecryptionFailed(Exception):
    """The key is gone, or what was sealed is not what lies here."""


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """Something only the holder of the key can read."""

    key_id: str
    body: bytes


class Cipher:
    """Seals with the newest key, opens with any. What is sealed is bound to a name, so that rows cannot be swapped."""

    def __init__(self, newest: bytes, *older: bytes) -> None:
        self._keys = {key_fingerprint(key): AESGCM(key) for key in (newest, *older)}
        self._newest = key_fingerprint(newest)

    @classmethod
    def from_base64(cls, newest: SecretStr, older: SecretStr) -> Self:
        """Read the settings' base64; raises BadKey, quoting nothing."""
        return cls(parse_key(newest), *parse_keys(older))

    def encrypt(self, plaintext: bytes, *, associated_data: str) -> Ciphertext:
        """Encrypt under the newest key."""
        # 96 random bits: safe for 2**32 rows a key, after which the key is to be rotated.
        nonce = os.urandom(_NONCE_BYTES)
        return Ciphertext(
            self._newest, nonce + self._keys[self._newest].encrypt(nonce, plaintext, associated_data.encode())
        )

    def decrypt(self, ciphertext: Ciphertext, *, associated_data: str) -> bytes:
        """Decrypt what was sealed under this name; raises Unopenable."""
        key = self._keys.get(ciphertext.key_id)
        if key is None:
            raise DecryptionFailed(f"the vault's key {ciphertext.key_id} is not among those given")
        try:
            return key.decrypt(ciphertext.body[:_NONCE_BYTES], ciphertext.body[_NONCE_BYTES:], associated_data.encode())
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed(f"what is kept under {associated_data} was not sealed for it") from error


def key_fingerprint(key: bytes) -> str:
    """Name a key by what it is, so that whoever rotates keys need not number them."""
    return hashlib.sha256(key).hexdigest()[:16]


def parse_key(encoded: SecretStr) -> bytes:
    """Read one key; raises BadKey."""
    return _decode_key(encoded.get_secret_value())


def parse_keys(encoded_keys: SecretStr) -> list[bytes]:
    """Read keys with commas between them, or none; raises BadKey."""
    return [_decode_key(each) for each in encoded_keys.get_secret_value().split(",") if each.strip()]


def _decode_key(encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        raise InvalidEncryptionKey from None
    if len(key) != _KEY_BYTES:
        raise InvalidEncryptionKey
    return key
