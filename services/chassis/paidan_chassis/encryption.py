"""Encryption of personal data at rest: AES-GCM with keys that can be rotated. Nothing is stored here."""

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_WRAPPED: Final = b"key of "


class InvalidEncryptionKey(ValueError):
    """An encryption key is not 32 bytes in base64."""

    def __init__(self) -> None:
        super().__init__("a vault's key is 32 bytes in base64")


class DecryptionFailed(Exception):
    """The key is missing, or the ciphertext is not the one that was encrypted for this name."""


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """Encrypted bytes, and the fingerprint of their key."""

    key_id: str
    body: bytes


class SealedContent(NamedTuple):
    """Bytes encrypted under a key of their own, that key wrapped, and the fingerprint of the key that wraps it.

    Without ``data_key`` the bytes are encrypted under the key itself.
    """

    key_id: str
    data_key: bytes | None
    body: bytes


class Cipher:
    """Encrypts with the newest key, decrypts with any. A ciphertext is bound to a name, so rows cannot be swapped."""

    def __init__(self, newest: bytes, *older: bytes) -> None:
        self._keys = {key_fingerprint(key): AESGCM(key) for key in (newest, *older)}
        self._newest = key_fingerprint(newest)

    @classmethod
    def from_base64(cls, newest: SecretStr, older: SecretStr) -> Self:
        """Return a cipher with the settings' base64 keys; raises ``InvalidEncryptionKey``, quoting nothing."""
        return cls(parse_key(newest), *parse_keys(older))

    def encrypt(self, plaintext: bytes, *, associated_data: str) -> Ciphertext:
        """Encrypt with the newest key."""
        # 96 random bits are safe for 2**32 rows a key; the key has to be rotated before that.
        nonce = os.urandom(_NONCE_BYTES)
        return Ciphertext(
            self._newest, nonce + self._keys[self._newest].encrypt(nonce, plaintext, associated_data.encode())
        )

    def decrypt(self, ciphertext: Ciphertext, *, associated_data: str) -> bytes:
        """Decrypt what was encrypted for this name; raises ``DecryptionFailed``."""
        key = self._keys.get(ciphertext.key_id)
        if key is None:
            raise DecryptionFailed(f"the vault's key {ciphertext.key_id} is not among those given")
        try:
            return key.decrypt(ciphertext.body[:_NONCE_BYTES], ciphertext.body[_NONCE_BYTES:], associated_data.encode())
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed(f"the ciphertext of {associated_data} was not encrypted for it") from error

    @property
    def newest_key_id(self) -> str:
        """The fingerprint of the key that encrypts."""
        return self._newest

    def seal(self, plaintext: bytes, *, associated_data: str) -> SealedContent:
        """Encrypt under a new key, wrapped by the newest: destroying the wrapped key destroys the content."""
        random = os.urandom(_KEY_BYTES + 2 * _NONCE_BYTES)
        data_key, nonce, wrapping_nonce = random[:32], random[32:44], random[44:]
        context = associated_data.encode()
        body = nonce + AESGCM(data_key).encrypt(nonce, plaintext, context)
        wrapped = wrapping_nonce + self._keys[self._newest].encrypt(wrapping_nonce, data_key, _WRAPPED + context)
        return SealedContent(self._newest, wrapped, body)

    def open_sealed(self, sealed: SealedContent, *, associated_data: str) -> bytes:
        """Decrypt what was sealed for this name; raises ``DecryptionFailed``."""
        if sealed.data_key is None:
            return self.decrypt(Ciphertext(sealed.key_id, sealed.body), associated_data=associated_data)
        data_key = self._unwrap(sealed, associated_data)
        try:
            key, body = AESGCM(data_key), sealed.body
            return key.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], associated_data.encode())
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed(f"the ciphertext of {associated_data} was not encrypted for it") from error

    def rewrap(self, sealed: SealedContent, *, associated_data: str) -> SealedContent:
        """Wrap a content's own key by the newest key; the content stays as it is. Raises ``DecryptionFailed``."""
        data_key = self._unwrap(sealed, associated_data)
        nonce = os.urandom(_NONCE_BYTES)
        wrapped = self._keys[self._newest].encrypt(nonce, data_key, _WRAPPED + associated_data.encode())
        return SealedContent(self._newest, nonce + wrapped, sealed.body)

    def _unwrap(self, sealed: SealedContent, associated_data: str) -> bytes:
        wrapped = Ciphertext(sealed.key_id, sealed.data_key or b"")
        return self.decrypt(wrapped, associated_data=_WRAPPED.decode() + associated_data)


def key_fingerprint(key: bytes) -> str:
    """Return the fingerprint by which ciphertexts refer to a key."""
    return hashlib.sha256(key).hexdigest()[:16]


def parse_key(encoded: SecretStr) -> bytes:
    """Decode one key; raises ``InvalidEncryptionKey``."""
    return _decode_key(encoded.get_secret_value())


def parse_keys(encoded_keys: SecretStr) -> list[bytes]:
    """Decode comma-separated keys, or none; raises ``InvalidEncryptionKey``."""
    return [_decode_key(each) for each in encoded_keys.get_secret_value().split(",") if each.strip()]


def _decode_key(encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        raise InvalidEncryptionKey from None
    if len(key) != _KEY_BYTES:
        raise InvalidEncryptionKey
    return key
