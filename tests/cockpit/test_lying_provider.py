"""A provider whose ID tokens prove nothing signs nobody in; one that rotates its keys, or says little, does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import httpx
import pytest
from joserfc.jwk import ECKey
from pydantic import SecretStr
from starlette.responses import JSONResponse

from paidan_chassis.identity_digests import IdentityDigests
from tests import vault
from tests.cockpit import cockpit_edge
from tests.cockpit.cockpit_edge import new_browser
from tests.cockpit.database_fixture import add_person
from tests.cockpit.plain_provider import CLIENT_ID, NO_JSON, PlainProvider, open_plain_provider
from tests.cockpit.test_provider import DIGESTS, RETURN, know, log
from tests.polling import poll

_TWO_WAIT: Final = "SELECT count(*) > 1 FROM pg_locks WHERE NOT granted AND relation = 'person_identity'::regclass"
OLD_KEY: Final = "A" * 43 + "="


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[PlainProvider]:
    async with open_plain_provider() as opened:
        yield opened


@pytest.fixture(scope="module")
async def lying_site(pool: "asyncpg.Pool[Any]", running: PlainProvider) -> AsyncIterator[httpx.ASGITransport]:
    """Open the pages with this provider."""
    settings = cockpit_edge.build_settings(
        oidc_issuer=running.address, oidc_client_id=CLIENT_ID, identity_old_keys=SecretStr(OLD_KEY)
    )
    async with cockpit_edge.open_site(pool, settings) as opened:
        yield opened


@pytest.fixture
def provider(running: PlainProvider) -> PlainProvider:
    """Return the provider as it is when nobody lies."""
    running.publish(running.key)
    running.userinfo = JSONResponse({})
    return running


async def come_back(
    site: httpx.ASGITransport, provider: PlainProvider, subject: str, **claims: object
) -> httpx.Response:
    """Return the cockpit's answer to a browser that comes back from the provider."""
    async with new_browser(site) as browser:
        asked = dict(parse_qsl(urlsplit((await browser.get("/sign-in/provider")).headers["location"]).query))
        provider.say(subject, asked["nonce"], claims)
        return await browser.get(RETURN, params={"state": asked["state"], "code": "c"})


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"}, {"aud": "other"}, {"aud": [CLIENT_ID, "other"]}, {"azp": "other"},
        {"nonce": None}, {"nonce": "other"}, {"exp": 1}, {"exp": None}, {"iat": 10**10}, {"sub": None}, {"sub": ""},
        {"sub": 5}, {"sub": "x" * 256}, {"at_hash": "AAAA"},
    ],
    ids=str,
)  # fmt: skip
async def test_an_id_token_for_somebody_or_something_else_signs_nobody_in(
    lying_site: httpx.ASGITransport, provider: PlainProvider, pool: "asyncpg.Pool[Any]", claims: dict[str, Any]
) -> None:
    before = await pool.fetchval("SELECT count(*) FROM session")
    answer = await come_back(lying_site, provider, "wangmin", **claims)

    assert answer.status_code == 403
    assert await pool.fetchval("SELECT count(*) FROM session") == before
    assert (await log(pool))[-1] == ("provider_refused", None)


@pytest.mark.parametrize("forgery", ["HS256", "none", "jwk", "jku", "kid"])
async def test_an_id_token_that_chooses_its_own_key_or_none_signs_nobody_in(
    lying_site: httpx.ASGITransport, provider: PlainProvider, pool: "asyncpg.Pool[Any]", forgery: str
) -> None:
    own = ECKey.generate_key("P-256", {"kid": "1"})
    match forgery:
        case "HS256" | "none":
            provider.header = {"alg": forgery, "kid": "1"}
        case "jwk":
            provider.key, provider.header = own, provider.header | {"jwk": own.as_dict(private=False)}
        case "jku":
            provider.key, provider.header = own, provider.header | {"jku": f"{provider.address}/keys"}
        case _:
            provider.key, provider.header = own, {"alg": "ES256", "kid": "../../../../dev/null"}
    await know(pool, await add_person(pool, "role:operator"), "subject", DIGESTS.of_subject(provider.address, forgery))

    assert (await come_back(lying_site, provider, forgery)).status_code == 403
    provider.publish(ECKey.generate_key("P-256", {"kid": f"after {forgery}"}))
    assert (await come_back(lying_site, provider, forgery)).status_code == 303


@pytest.mark.parametrize("with_id", [True, False])
async def test_a_provider_may_replace_its_keys(
    lying_site: httpx.ASGITransport, provider: PlainProvider, pool: "asyncpg.Pool[Any]", with_id: bool
) -> None:
    """Where keys have no id, only an ID token that fails tells that there is a new one."""
    subject = f"rotation {with_id}"
    await know(pool, await add_person(pool, "role:operator"), "subject", DIGESTS.of_subject(provider.address, subject))
    for number in range(2):
        provider.publish(ECKey.generate_key("P-256", {"kid": f"{subject} {number}"}), with_id=with_id)
        if not with_id:
            await come_back(lying_site, provider, subject)
        assert (await come_back(lying_site, provider, subject)).status_code == 303


async def test_keys_of_a_kind_that_nobody_knows_yet_are_passed_over(
    lying_site: httpx.ASGITransport, provider: PlainProvider, pool: "asyncpg.Pool[Any]"
) -> None:
    await know(pool, await add_person(pool, "role:operator"), "subject", DIGESTS.of_subject(provider.address, "akp"))
    provider.publish(ECKey.generate_key("P-256", {"kid": "akp"}))
    provider.published.insert(0, {"kty": "XYZ", "alg": "XYZ-1", "kid": "new", "pub": "AAAA"})

    assert (await come_back(lying_site, provider, "akp")).status_code == 303


@pytest.mark.parametrize(
    "userinfo",
    [JSONResponse({"error": "insufficient_scope"}, 403), NO_JSON, JSONResponse([])],
    ids=["403", "jwt", "list"],
)
async def test_who_is_known_by_subject_signs_in_whatever_else_the_provider_says_or_does_not(
    lying_site: httpx.ASGITransport, provider: PlainProvider, pool: "asyncpg.Pool[Any]", userinfo: JSONResponse
) -> None:
    subject = f"silent {id(userinfo)}"
    await know(pool, await add_person(pool, "role:operator"), "subject", DIGESTS.of_subject(provider.address, subject))
    provider.userinfo = userinfo

    assert (await come_back(lying_site, provider, subject)).status_code == 303


@pytest.mark.parametrize(
    "told",
    [
        {"email_verified": "true"}, {"email_verified": 1}, {"email": "\uff57ang.min@city.example"},
        {"email": "wang.min@city.example\0"}, {"email": ["wang.min@city.example"]}, {"sub": "another"},
        {"email": "wang.m\u0131n@city.example"}, {"email": "wang.min@\u017fity.example"},
    ],
    ids=ascii,
)  # fmt: skip
async def test_an_address_that_is_not_verified_or_only_looks_like_a_persons_signs_nobody_in(
    lying_site: httpx.ASGITransport, provider: PlainProvider, pool: "asyncpg.Pool[Any]", told: dict[str, Any]
) -> None:
    await pool.execute("DELETE FROM person_identity")
    await know(pool, await add_person(pool, "role:caller"), "email", DIGESTS.of_email("Wang.Min@sity.example"))
    await know(pool, await add_person(pool, "role:caller"), "email", DIGESTS.of_email("Wang.Min@city.example"))
    said = {"sub": "who", "email": "wang.min@city.example", "email_verified": True} | told
    provider.userinfo = JSONResponse(said)

    answer = await come_back(lying_site, provider, "who")

    assert answer.status_code == 403
    assert "who" in answer.text


async def test_two_tabs_may_sign_in_for_the_first_time_at_once(
    lying_site: httpx.ASGITransport, provider: PlainProvider, pool: "asyncpg.Pool[Any]"
) -> None:
    address = "li.na@city.example"
    await know(pool, await add_person(pool, "role:caller"), "email", DIGESTS.of_email(address))
    provider.userinfo = JSONResponse({"sub": "li.na", "email": address, "email_verified": True})
    async with new_browser(lying_site) as first, new_browser(lying_site) as second:
        asked = [
            dict(parse_qsl(urlsplit((await tab.get("/sign-in/provider")).headers["location"]).query))
            for tab in (first, second)
        ]
        # One nonce for both: the provider signs one ID token here.
        await pool.execute("UPDATE provider_visit SET nonce = 'n'")
        provider.say("li.na", "n", {})
        async with pool.acquire() as conn, conn.transaction():
            # Both have to wait for their first insert.
            await conn.execute("LOCK TABLE person_identity IN SHARE MODE")
            answers = asyncio.gather(
                *(
                    tab.get(RETURN, params={"state": each["state"], "code": "c"})
                    for tab, each in zip((first, second), asked, strict=True)
                )
            )
            await poll(lambda: pool.fetchval(_TWO_WAIT), what="both to wait for the table")
        assert [each.status_code for each in await answers] == [303, 303]
    assert await pool.fetchval("SELECT count(*) FROM person_identity WHERE kind = 'subject'") == 1


async def test_a_subject_known_under_a_former_key_signs_in_and_is_stored_under_the_newest(
    lying_site: httpx.ASGITransport, provider: PlainProvider, pool: "asyncpg.Pool[Any]"
) -> None:
    await pool.execute("DELETE FROM person_identity")
    former = IdentityDigests.from_base64(SecretStr(OLD_KEY)).of_subject(provider.address, "old")
    await know(pool, await add_person(pool, "role:operator"), "subject", former)
    async with new_browser(lying_site) as anybody:
        published = (await anybody.get("/.well-known/jwks.json")).json()["keys"]

    assert (await come_back(lying_site, provider, "old")).status_code == 303
    assert [row["digest"] for row in await pool.fetch("SELECT digest FROM person_identity")] == [
        IdentityDigests.from_base64(SecretStr(vault.KEY)).of_subject(provider.address, "old")[0]
    ]
    assert len(published) == 1, "what it would sign is refused"


async def test_the_browsers_state_cannot_be_set_by_a_neighbouring_host(lying_site: httpx.ASGITransport) -> None:
    async with new_browser(lying_site, **{"x-forwarded-proto": "https"}) as browser:
        answer = await browser.get("/sign-in/provider")
        state = parse_qsl(urlsplit(answer.headers["location"]).query)
        planted = {"cookie": f"paidan_provider_state={dict(state)['state']}"}
        browser.cookies.clear()
        back = await browser.get(RETURN, params={"state": dict(state)["state"], "code": "c"}, headers=planted)

    assert answer.headers["set-cookie"].startswith("__Host-paidan_provider_state=")
    assert "Path=/;" in answer.headers["set-cookie"]
    assert back.status_code == 403


@pytest.mark.parametrize(
    ("offered", "where"),
    [({}, (True, False)), ({"token_endpoint_auth_methods_supported": ["client_secret_post"]}, (False, True))],
)
async def test_the_clients_secret_is_sent_where_the_provider_reads_it(
    provider: PlainProvider, pool: "asyncpg.Pool[Any]", offered: dict[str, Any], where: tuple[bool, bool]
) -> None:
    provider.metadata = offered
    settings = cockpit_edge.build_settings(
        oidc_issuer=provider.address, oidc_client_id=CLIENT_ID, oidc_client_secret=SecretStr("s")
    )
    async with cockpit_edge.open_site(pool, settings) as site:
        answer = await come_back(site, provider, "nobody")

    assert answer.status_code == 403
    assert "nobody" in answer.text
    assert provider.secrets[-1] == where
