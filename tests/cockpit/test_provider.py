"""Persons sign in at a real OpenID Connect provider; whatever is forged, replayed or unknown signs nobody in."""

import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import asyncpg
import httpx
import pytest
from pydantic import SecretStr, ValidationError

from paidan_chassis.identity_digests import IdentityDigests
from tests import vault
from tests.cockpit import cockpit_edge
from tests.cockpit.cockpit_edge import ORIGIN, new_browser
from tests.cockpit.database_fixture import add_person
from tests.npm_packages import running_module

RETURN: Final = "/sign-in/provider/return"
DIGESTS: Final = IdentityDigests.from_base64(SecretStr(vault.KEY))


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Run the provider."""
    source = (Path(__file__).parent / "oidc_provider.mjs").read_text()
    addresses = {"REDIRECT_URI": ORIGIN + RETURN, "AFTER_SIGN_OUT": f"{ORIGIN}/sign-in"}
    with running_module(source, addresses) as address:
        yield address


@pytest.fixture(scope="module")
async def oidc_site(pool: "asyncpg.Pool[Any]", issuer: str) -> AsyncIterator[httpx.ASGITransport]:
    """Open the pages with this provider."""
    settings = cockpit_edge.build_settings(
        oidc_issuer=issuer, oidc_client_id="cockpit", oidc_client_secret=SecretStr("secret of the tests")
    )
    async with cockpit_edge.open_site(pool, settings) as opened:
        yield opened


@asynccontextmanager
async def browsers(site: httpx.ASGITransport) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Open a browser as the cockpit and as the provider see it."""
    async with new_browser(site) as here, httpx.AsyncClient(trust_env=False) as there:
        yield here, there


async def go_to_provider(here: httpx.AsyncClient, query: str = "") -> str:
    """Return where the cockpit sends the browser."""
    answer = await here.get(f"/sign-in/provider{query}")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def pass_provider(there: httpx.AsyncClient, address: str, name: str) -> str:
    """Sign in at the provider and agree to everything; return the path to which it sends the browser back."""
    for _ in range(12):
        if address.startswith(ORIGIN):
            return address.removeprefix(ORIGIN)
        answer = await there.get(address)
        if answer.status_code == 200:
            fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', answer.text))
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert form, answer.text
            to = urljoin(address, unescape(form[1]))
            answer = await there.post(to, data=fields | {"login": name, "password": "any"})
        assert answer.status_code in (302, 303), answer.text
        address = urljoin(address, answer.headers["location"])
    raise AssertionError(f"the provider never came back: {address}")


async def sign_in(site: httpx.ASGITransport, name: str, query: str = "") -> tuple[httpx.Response, int]:
    """Sign in by the provider; return the cockpit's answer, and the status of a page of the session afterwards."""
    async with browsers(site) as (here, there):
        back = await pass_provider(there, await go_to_provider(here, query), name)
        return await here.get(back), (await here.get("/queues")).status_code


async def know(pool: "asyncpg.Pool[Any]", person: uuid.UUID, kind: str, digests: list[bytes]) -> None:
    await pool.execute(
        "INSERT INTO person_identity (digest, kind, person_id, created_by) VALUES ($1, $2, $3, 'test')",
        digests[0],
        kind,
        person,
    )


async def log(pool: "asyncpg.Pool[Any]") -> list[tuple[str, str | None]]:
    return [(row["kind"], row["detail"]) for row in await pool.fetch("SELECT * FROM sign_in ORDER BY sign_in_id")]


async def test_a_known_subject_signs_in_and_is_where_it_wanted_to_go(
    oidc_site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", issuer: str
) -> None:
    await know(pool, await add_person(pool, "role:operator"), "subject", DIGESTS.of_subject(issuer, "wangmin"))
    answer, status = await sign_in(oidc_site, "wangmin", "?next=/queues%3Fqueue%3Dplacing")

    assert (answer.status_code, answer.headers["location"]) == (303, "/queues?queue=placing")
    assert status == 200
    assert (await log(pool))[-1] == ("signed_in", "provider")
    assert any("paidan_session=" in each and "HttpOnly" in each for each in answer.headers.get_list("set-cookie"))


async def test_a_page_that_needs_a_session_is_remembered_on_the_way(oidc_site: httpx.ASGITransport) -> None:
    async with new_browser(oidc_site) as here:
        answer = await here.get("/queues?queue=placing")
        page = (await here.get(answer.headers["location"])).text
    assert answer.headers["location"] == "/sign-in?next=/queues%3Fqueue%3Dplacing"
    assert 'href="/sign-in/provider?next=%2Fqueues%3Fqueue%3Dplacing"' in page


async def test_an_unknown_subject_gets_a_plain_no_that_is_logged(
    oidc_site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    answer, status = await sign_in(oidc_site, "stranger<b>")
    assert (answer.status_code, status) == (403, 303)
    assert "stranger&lt;b&gt;" in answer.text
    assert (await log(pool))[-1] == ("provider_refused", None)


async def test_an_address_signs_in_once_verified_and_only_until_its_subject_is_known(
    oidc_site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    first, second = await add_person(pool, "role:caller"), await add_person(pool, "role:caller")
    await know(pool, first, "email", DIGESTS.of_email("Li.Na@city.example"))
    await know(pool, second, "email", DIGESTS.of_email("li.na@unverified.example"))

    assert (await sign_in(oidc_site, "li.na@unverified.example"))[1] == 303
    assert (await sign_in(oidc_site, "li.na"))[1] == 200
    assert (await sign_in(oidc_site, "li.na"))[1] == 200
    assert (await sign_in(oidc_site, "LI.NA@city.example"))[1] == 303, "another subject with the address handed on"
    stored = str(await pool.fetch("SELECT person_identity::text FROM person_identity"))
    assert "li.na" not in stored.casefold()


async def test_a_disabled_person_does_not_sign_in(
    oidc_site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", issuer: str
) -> None:
    person = await add_person(pool, "role:operator")
    await know(pool, person, "subject", DIGESTS.of_subject(issuer, "gone"))
    await pool.execute("UPDATE person SET disabled_at = now() WHERE person_id = $1", person)
    assert (await sign_in(oidc_site, "gone"))[1] == 303


@pytest.mark.parametrize(
    "forgery", ["state", "code", "iss", "no state", "other browser", "nonce", "verifier", "replay"]
)
async def test_an_answer_that_does_not_belong_to_this_browsers_request_signs_nobody_in(
    forgery: str, oidc_site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", issuer: str
) -> None:
    name = f"forged-{forgery}"
    await know(pool, await add_person(pool, "role:operator"), "subject", DIGESTS.of_subject(issuer, name))
    async with browsers(oidc_site) as (here, there), new_browser(oidc_site) as other:
        address = await go_to_provider(here)
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["code_challenge_method"] == "S256"
        if forgery == "nonce":
            address = address.replace(asked["nonce"], "of another request")
        back = urlsplit(await pass_provider(there, address, name))
        query = dict(parse_qsl(back.query))
        if forgery in ("state", "code", "iss"):
            query[forgery] += "x"
        if forgery == "no state":
            del query["state"]
        if forgery == "verifier":
            await pool.execute("UPDATE provider_visit SET verifier = repeat('x', 48)")
        browser = other if forgery == "other browser" else here
        if forgery == "replay":
            kept = dict(here.cookies)
            assert (await here.get(f"{back.path}?{back.query}")).status_code == 303
            other.cookies.update({each: value for each, value in kept.items() if "state" in each})
            browser = other
        answer = await browser.get(f"{back.path}?{urlencode(query)}")
        assert answer.status_code == 403, forgery
        assert (await browser.get("/queues")).status_code == 303
    assert (await log(pool))[-1][0] == "provider_refused"


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/%0d%0aset-cookie:x",
        "javascript:alert(1)",
        "/\t/evil",
        "",
    ],
)
async def test_no_address_leads_away_after_signing_in(
    wanted: str, oidc_site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", issuer: str
) -> None:
    async with new_browser(oidc_site) as here:
        await go_to_provider(here, "?" + urlencode({"next": wanted}))
    stored = await pool.fetchval("SELECT next_path FROM provider_visit ORDER BY expires_at DESC LIMIT 1")
    assert stored in ("/", "/%0d%0aset-cookie:x"), stored


async def test_signing_out_offers_to_sign_out_at_the_provider(
    oidc_site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", issuer: str
) -> None:
    await know(pool, await add_person(pool, "role:operator"), "subject", DIGESTS.of_subject(issuer, "leaver"))
    async with browsers(oidc_site) as (here, there):
        await here.get(await pass_provider(there, await go_to_provider(here), "leaver"))
        csrf = re.search(r'name="csrf" value="([^"]+)"', (await here.get("/queues")).text)
        assert csrf
        answer = await here.post("/sign-out", data={"csrf": csrf[1]})
        page = (await here.get(answer.headers["location"])).text
        link = re.search(rf'href="({re.escape(issuer)}/session/end[^"]+)"', page)
        assert link
        assert (await there.get(unescape(link[1]))).status_code == 200


async def test_a_provider_that_does_not_answer_leaves_the_links(pool: "asyncpg.Pool[Any]") -> None:
    settings = cockpit_edge.build_settings(oidc_issuer=cockpit_edge.NOWHERE, oidc_client_id="cockpit")
    async with cockpit_edge.open_site(pool, settings) as site, new_browser(site) as here:
        answer = await here.get("/sign-in/provider")
        assert answer.status_code == 503
        assert "does not answer" in answer.text
        assert (await here.get("/sign-in")).status_code == 200


@pytest.mark.parametrize("change", [{"oidc_issuer": "http://id.example"}, {"oidc_client_id": ""}])
def test_a_provider_in_the_clear_or_without_a_client_is_refused(change: dict[str, str]) -> None:
    values = {"oidc_issuer": "https://id.example", "oidc_client_id": "cockpit"} | change
    with pytest.raises(ValidationError, match="oidc_issuer"):
        cockpit_edge.build_settings(**values)
