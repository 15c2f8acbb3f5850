"""Signing in at the organisation's own identity provider, and coming back from it."""

import hmac
from dataclasses import dataclass
from typing import ClassVar, Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from paidan_cockpit.identities import PENDING_SIGN_IN_LASTS, Identities, PendingSignIn
from paidan_cockpit.oidc import OidcClient, ProviderIdentity, ProviderUnavailable, SignInRefused
from paidan_cockpit.pages.attempts import AttemptLimit
from paidan_cockpit.pages.cookies import (
    delete_state_cookie,
    forget_wanted_page,
    set_session_cookie,
    set_state_cookie,
    state_cookie_of,
)
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext, local_path, own_address
from paidan_cockpit.pages.site import Site, see_other

START_PATH: Final = "/sign-in/provider"
RETURN_PATH: Final = "/sign-in/provider/return"


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider, and what is known of its subjects."""

    client: OidcClient
    identities: Identities


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownSubjectPage(PageValues):
    """What somebody sees whom the provider knows and nobody here."""

    template: ClassVar[str] = "unknown_subject.html"

    subject: str


class ProviderPages:
    """``/sign-in/provider`` and where the provider sends the browser back to; neither exists without a provider."""

    def __init__(self, site: Site, provider: Provider) -> None:
        self._site = site
        self._provider = provider
        self._limit = AttemptLimit(burst=300, refill_s=0.1)

    def routes(self) -> list[BaseRoute]:
        """Return these routes. The start is a link, for browsers let no form lead to another site here."""
        return [
            self._site.open_page(START_PATH, self._start),
            self._site.open_page(RETURN_PATH, self._finish),
        ]

    async def _start(self, context: RequestContext) -> Response:
        if not self._limit.spend(context.address):
            raise PageRefused(429, "too_many_tries")
        try:
            begun = await self._provider.client.begin(own_address(context.request) + RETURN_PATH)
        except ProviderUnavailable:
            raise PageRefused(503, "no_answer_provider") from None
        await self._provider.identities.remember(begun, local_path(context.request.query_params.get("next", "")))
        response = RedirectResponse(begun.address, 303)
        set_state_cookie(response, context.request, begun.state, PENDING_SIGN_IN_LASTS)
        return response

    async def _finish(self, context: RequestContext) -> Response:
        begun = await self._take(context)
        identity = await self._identify(context, begun) if begun else None
        if begun is None or identity is None:
            await self._provider.identities.note_refusal(context.address)
            raise PageRefused(403, "sign_in_broke")
        secret = await self._provider.identities.sign_in(identity, context.address)
        if secret is None:
            response = self._site.show(context, UnknownSubjectPage(subject=identity.subject), 403)
        else:
            if context.session is not None:
                await self._site.accounts.sign_out(context.session.session_id, context.address)
            response = see_other(begun.next_path)
            forget_wanted_page(response, context.request)
            set_session_cookie(response, context.request, secret)
        delete_state_cookie(response, context.request)
        return response

    async def _take(self, context: RequestContext) -> PendingSignIn | None:
        """Return the sign-in that this browser began, by the state that it keeps and the provider sent back."""
        if not self._limit.spend(context.address):
            raise PageRefused(429, "too_many_tries")
        kept, sent = state_cookie_of(context.request), context.request.query_params.get("state", "")
        if not kept or not hmac.compare_digest(kept.encode(), sent.encode()):
            return None
        return await self._provider.identities.take(sent)

    async def _identify(self, context: RequestContext, begun: PendingSignIn) -> ProviderIdentity | None:
        query, client = context.request.query_params, self._provider.client
        if "code" not in query or query.get("iss", client.issuer).rstrip("/") != client.issuer:
            return None
        address = own_address(context.request) + RETURN_PATH
        try:
            return await client.finish(address, query["code"], begun.verifier, begun.nonce)
        except SignInRefused:
            return None
        except ProviderUnavailable:
            raise PageRefused(503, "no_answer_provider") from None
