"""Signs tokens of persons, and publishes the public keys that verify them: the issuer's side of ``person_tokens``."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from pydantic import SecretStr

from paidan_chassis.edge.person_tokens import ALGORITHM, MAX_LIFE_S, TOKEN_TYPE, PersonClaims
from paidan_chassis.encryption import parse_key, parse_keys

JWKS_PATH: Final = "/.well-known/jwks.json"
NO_OLDER_KEYS: Final = SecretStr("")


@dataclass(frozen=True, slots=True)
class PersonTokenSigner:
    """Signs with the newest key. Older keys are still published, for tokens that are on their way."""

    issuer: str
    audience: str
    keys: Sequence[Ed25519PrivateKey]

    @classmethod
    def from_base64(cls, issuer: str, audience: str, newest: SecretStr, older: SecretStr = NO_OLDER_KEYS) -> Self:
        """Return a signer with the settings' keys, 32 bytes in base64 each; raise ``InvalidEncryptionKey``."""
        seeds = (parse_key(newest), *parse_keys(older))
        return cls(issuer, audience, [Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds])

    def sign(self, claims: PersonClaims, now: datetime, *, life_s: int = MAX_LIFE_S) -> str:
        """Return a token for the ``Authorization: Bearer`` of requests, valid from now on. ``now`` is the real time."""
        issued_at = int(now.timestamp())
        payload: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": claims.person,
            "iat": issued_at,
            "exp": issued_at + life_s,
            "city": claims.city,
            "scope": " ".join(sorted(claims.scopes)),
        }
        if claims.post is not None:
            payload["post"] = claims.post
        newest = self.keys[0]
        headers = {"typ": TOKEN_TYPE, "kid": key_id_of(newest.public_key())}
        return jwt.encode(payload, newest, algorithm=ALGORITHM, headers=headers)

    def key_set(self) -> dict[str, Any]:
        """Return the JWK set to be served at ``JWKS_PATH``; it holds public keys alone."""
        return {"keys": [_public_jwk(key.public_key()) for key in self.keys]}


def key_id_of(key: Ed25519PublicKey) -> str:
    """Return a key's id: its thumbprint as RFC 7638 defines it."""
    canonical = json.dumps(OKPAlgorithm.to_jwk(key, as_dict=True), sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def _public_jwk(key: Ed25519PublicKey) -> dict[str, Any]:
    return {**OKPAlgorithm.to_jwk(key, as_dict=True), "kid": key_id_of(key), "use": "sig", "alg": ALGORITHM}
