"""The public keys that verify persons' tokens, as every service fetches them."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from paidan_chassis.edge.person_token_signer import JWKS_PATH, PersonTokenSigner
from paidan_chassis.edge.routes import create_router


class PublicKey(BaseModel):
    """A public key as RFC 8037 writes it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str = Field(description="The key, in base64url.")
    kid: str = Field(description="Its thumbprint by RFC 7638, which tokens name.")
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class KeySet(BaseModel):
    """A JWK set: the newest key, and former ones for tokens that are on their way."""

    keys: list[PublicKey]


def create_key_set_router(signer: PersonTokenSigner) -> APIRouter:
    """Return the route that needs no key: whoever gets a person's token may verify it."""
    router = create_router()
    key_set = KeySet.model_validate(signer.key_set())

    @router.get(JWKS_PATH, openapi_extra={"security": []})
    async def person_keys() -> KeySet:
        """Return the public keys that verify tokens of persons who signed in."""
        return key_set

    return router
