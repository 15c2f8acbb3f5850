"""Sign-in at an OpenID Connect provider: authorization code with PKCE, state and nonce. authlib speaks the protocol."""

from dataclasses import dataclass
from typing import Any, Final

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.common.urls import add_params_to_uri
from authlib.integrations.base_client import BaseApp
from authlib.integrations.base_client.async_app import AsyncOAuth2Mixin
from authlib.integrations.base_client.async_openid import AsyncOpenIDMixin
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.errors import JoseError

from paidan_cockpit.settings import OidcSettings

_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
_SIGNATURES: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Algorithms with a public key: an ID token is never accepted unsigned or under a shared secret."""
_SECRET_METHODS: Final = ("client_secret_basic", "client_secret_post")
"""How a client with a secret proves itself where a code is exchanged, the usual way first."""
_LEEWAY_S: Final = 60
_MAX_CLAIM: Final = 255


class ProviderUnavailable(Exception):
    """The provider did not answer, or does not say how to sign in at it."""


class SignInRefused(Exception):
    """What came back from the provider proves nobody's identity."""


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """Where to send the browser, and what its answer is checked with."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Who signed in, as the provider says. ``email`` is None unless the provider has verified it."""

    issuer: str
    subject: str
    email: str | None


class _Protocol(AsyncOAuth2Mixin, AsyncOpenIDMixin, BaseApp):  # type: ignore[misc] # authlib has no types
    client_cls = AsyncOAuth2Client


class OidcClient:
    """Speaks with the one provider of the installation; what it offers is read when first needed."""

    def __init__(self, settings: OidcSettings) -> None:
        self.issuer = settings.issuer.rstrip("/")
        self._client_id = settings.client_id
        secret = settings.client_secret.get_secret_value()
        self._has_secret = bool(secret)
        self._protocol = _Protocol(
            None,
            client_id=settings.client_id,
            client_secret=secret or None,
            server_metadata_url=self.issuer + _DISCOVERY_PATH,
            client_kwargs={
                "scope": "openid email",
                "code_challenge_method": "S256",
                "timeout": settings.answer_within_s,
                "token_endpoint_auth_method": _SECRET_METHODS[0] if secret else "none",
            },
        )

    async def begin(self, redirect_uri: str) -> ProviderRequest:
        """Return the request with which a browser is sent to the provider."""
        await self._metadata()
        made = await self._protocol.create_authorization_url(redirect_uri)
        return ProviderRequest(made["url"], made["state"], made["nonce"], made["code_verifier"])

    async def finish(self, redirect_uri: str, code: str, verifier: str, nonce: str) -> ProviderIdentity:
        """Exchange a code and verify the ID token; raise SignInRefused where it proves nothing."""
        metadata = await self._metadata()
        options = {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": self._client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        try:
            token = await self._protocol.fetch_access_token(redirect_uri, code=code, code_verifier=verifier)
            claims = await self._protocol.parse_id_token(token, nonce, claims_options=options, leeway=_LEEWAY_S)
            more = await self._more_claims(metadata, token, claims or {})
        except httpx.HTTPError as error:
            raise ProviderUnavailable from error
        except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as error:
            # A provider whose keys have no id may have replaced them: the next token is verified by the present ones.
            metadata.pop("jwks", None)
            raise SignInRefused(type(error).__name__) from error
        if not claims:
            raise SignInRefused("no ID token")
        return self._identity(more | claims)

    async def end_session_address(self, back_to: str) -> str | None:
        """Return where a browser signs out at the provider, too; None where it offers no such place."""
        try:
            endpoint = (await self._metadata()).get("end_session_endpoint")
        except ProviderUnavailable:
            return None
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            return None
        query = {"client_id": self._client_id, "post_logout_redirect_uri": back_to}
        return str(add_params_to_uri(endpoint, query))

    async def _metadata(self) -> dict[str, Any]:
        try:
            metadata: dict[str, Any] = await self._protocol.load_server_metadata()
        except (httpx.HTTPError, AttributeError, TypeError, ValueError) as error:
            raise ProviderUnavailable from error
        if str(metadata.get("issuer", "")).rstrip("/") != self.issuer:
            self._protocol.server_metadata.clear()
            raise ProviderUnavailable
        offered = metadata.get("id_token_signing_alg_values_supported") or ("RS256",)
        metadata["id_token_signing_alg_values_supported"] = [each for each in offered if each in _SIGNATURES]
        if self._has_secret:
            known = metadata.get("token_endpoint_auth_methods_supported") or _SECRET_METHODS
            metadata["token_endpoint_auth_method"] = next(
                (each for each in _SECRET_METHODS if each in known), _SECRET_METHODS[0]
            )
        return metadata

    async def _more_claims(
        self, metadata: dict[str, Any], token: dict[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what the provider says besides the ID token: many do not put the address into it."""
        if "email" in claims or "userinfo_endpoint" not in metadata:
            return {}
        try:
            more: dict[str, Any] = await self._protocol.userinfo(token=token)
        except httpx.HTTPStatusError as error:
            if error.response.is_server_error:
                raise
            return {}  # it tells this client nothing more: who is known by subject signs in all the same
        except (TypeError, ValueError):
            return {}  # a signed one, for instance
        return more if more.get("sub") == claims.get("sub") else {}

    def _identity(self, claims: dict[str, Any]) -> ProviderIdentity:
        subject, email = claims.get("sub"), claims.get("email")
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_CLAIM:
            raise SignInRefused("no subject")
        is_verified = claims.get("email_verified") is True and isinstance(email, str) and 0 < len(email) <= _MAX_CLAIM
        return ProviderIdentity(self.issuer, subject, email if is_verified else None)
