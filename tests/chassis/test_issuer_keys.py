"""Persons' tokens at an edge: the issuer's keys are fetched over HTTP, kept, and fetched again for a new key."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paidan_chassis.clock import real_now
from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import KeyRing, Principal
from paidan_chassis.edge.issuer_keys import (
    IssuerKeys,
    KeySetUnavailable,
    PersonTokenVerifier,
    RefreshTerms,
    fetch_key_set,
)
from paidan_chassis.edge.person_token_signer import PersonTokenSigner, key_id_of
from paidan_chassis.edge.person_tokens import LEEWAY_S, PersonClaims
from paidan_chassis.edge.problems import Problem
from tests.chassis.sample_edge import VALID_LOAN, build_app, error_of
from tests.chassis.token_issuer import AUDIENCE, FIRST_KEY, SECOND_KEY, Issuer, open_issuer
from tests.polling import poll

CLAIMS = PersonClaims(
    person="5b0e7a3c-7f0a-4a52-9f0a-1f2e3d4c5b6a",
    city="quancheng",
    scopes=frozenset({"role:librarian", "branch:east"}),
    post="desk-1",
)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with open_issuer() as opened:
        yield opened


@asynccontextmanager
async def client_of(pool: Pool, persons: PersonTokenVerifier | None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(pool, persons))
    async with httpx.AsyncClient(transport=transport, base_url="http://library") as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_signed_in_person_is_the_caller_of_a_request(issuer: Issuer, pool: Pool) -> None:
    token = issuer.signer.sign(CLAIMS, real_now())

    principal = await KeyRing(pool, persons=issuer.verifier()).find(token)
    async with client_of(pool, issuer.verifier()) as client:
        answers = [await client.post("/v1/loans", json=VALID_LOAN, headers=bearer(token)) for _ in range(3)]

    assert principal == Principal(
        f"person_{CLAIMS.person}", "desk-1", "quancheng", CLAIMS.scopes, CLAIMS.person, "desk-1"
    )
    assert [each.status_code for each in answers] == [202] * 3
    assert answers[0].json()["by"] == "desk-1"
    assert issuer.fetches == 2


async def test_invalid_token_is_told_why_and_any_is_unknown_without_an_issuer(issuer: Issuer, pool: Pool) -> None:
    elsewhere = PersonTokenSigner(issuer.address, "elsewhere", [FIRST_KEY]).sign(CLAIMS, real_now())
    valid = issuer.signer.sign(CLAIMS, real_now())

    async with client_of(pool, issuer.verifier()) as client:
        refused = await client.post("/v1/loans", json=VALID_LOAN, headers=bearer(elsewhere))
    async with client_of(pool, None) as client:
        unknown = await client.post("/v1/loans", json=VALID_LOAN, headers=bearer(valid))

    assert (refused.status_code, error_of(refused)["code"]) == (401, "invalid_token")
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (unknown.status_code, error_of(unknown)["code"]) == (401, "unauthorized")


async def test_cached_token_ends_with_its_life(issuer: Issuer, pool: Pool) -> None:
    ring = KeyRing(pool, persons=issuer.verifier(), ttl_s=60)

    found = await ring.look_up(issuer.signer.sign(CLAIMS, real_now(), life_s=1))

    assert found.principal is not None
    assert found.expires_at <= time.monotonic() + 1 + LEEWAY_S


async def test_new_key_of_the_issuer_is_fetched_and_an_old_one_forgotten(issuer: Issuer) -> None:
    keys = IssuerKeys(lambda: fetch_key_set(issuer.jwks_url), RefreshTerms(retry_after_s=0))
    first, second = (key_id_of(each.public_key()) for each in (FIRST_KEY, SECOND_KEY))

    before = await keys.find(first), await keys.find(second)
    issuer.keys = [SECOND_KEY]
    after = await keys.find(second), await keys.find(first)

    assert [each is not None for each in (*before, *after)] == [True, False, True, False]


async def test_unknown_keys_cause_one_fetch_however_many_are_named(issuer: Issuer) -> None:
    """Whoever invents key ids must not turn a service against its issuer."""
    keys = IssuerKeys(lambda: fetch_key_set(issuer.jwks_url), RefreshTerms(retry_after_s=60))

    found = await asyncio.gather(*(keys.find(f"invented-{number}") for number in range(50)))

    assert found == [None] * 50
    assert issuer.fetches == 1


@pytest.mark.parametrize("status", [200, 302, 500])
async def test_known_keys_outlive_an_outage_of_the_issuer_for_a_while(issuer: Issuer, status: int) -> None:
    first = key_id_of(FIRST_KEY.public_key())
    terms = RefreshTerms(every_s=0, retry_after_s=0)
    keys = IssuerKeys(lambda: fetch_key_set(issuer.jwks_url), terms)
    await keys.find(first)

    issuer.broken_status = status
    kept = await keys.find(first)

    assert kept is not None
    strict = IssuerKeys(lambda: fetch_key_set(issuer.jwks_url), terms)
    with pytest.raises(KeySetUnavailable):
        await strict.find(first)


async def test_service_that_cannot_fetch_keys_asks_to_come_again(pool: Pool) -> None:
    signer = PersonTokenSigner("http://127.0.0.1:9", AUDIENCE, [FIRST_KEY])
    verifier = PersonTokenVerifier.of("http://127.0.0.1:9", AUDIENCE, "http://127.0.0.1:9/none")

    with pytest.raises(Problem) as refused:
        await KeyRing(pool, persons=verifier).find(signer.sign(CLAIMS, real_now()))

    assert (refused.value.status, refused.value.retry_after_s) == (503, 5)


async def test_fetch_ends_however_slowly_the_issuer_sends(issuer: Issuer) -> None:
    issuer.drips = True

    async with asyncio.timeout(30):
        with pytest.raises(KeySetUnavailable, match="TimeoutError"):
            await fetch_key_set(issuer.jwks_url, within_s=0.3)


async def test_token_whose_scopes_cannot_be_read_opens_nothing(issuer: Issuer, pool: Pool) -> None:
    verifier = PersonTokenVerifier.of(
        issuer.address,
        AUDIENCE,
        issuer.jwks_url,
        lambda scopes: ("two branches", "两个分馆") if len(scopes) > 2 else None,
    )
    contradictory = replace(CLAIMS, scopes=CLAIMS.scopes | {"branch:west"})
    keys = KeyRing(pool, persons=verifier)

    assert await keys.find(issuer.signer.sign(CLAIMS, real_now()))
    with pytest.raises(Problem, match="401 invalid_token") as refused:
        await keys.find(issuer.signer.sign(contradictory, real_now()))
    assert ("two branches" in refused.value.message, "两个分馆" in refused.value.message_zh) == (True, True)


def test_published_document_is_what_the_cockpit_serves() -> None:
    document = json.loads(json.dumps(PersonTokenSigner("http://x", AUDIENCE, [FIRST_KEY]).key_set()))

    [key] = document["keys"]
    assert {name: key[name] for name in ("kty", "crv", "use", "alg")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
    }


async def test_known_keys_wait_for_no_issuer_that_hangs() -> None:
    published = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    encoded = base64.urlsafe_b64encode(published).rstrip(b"=").decode()
    document = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": encoded}]}).encode()
    fetches, hang = 0, asyncio.Event()

    async def fetch() -> bytes:
        nonlocal fetches
        fetches += 1
        if fetches > 1:
            await hang.wait()
            raise KeySetUnavailable("ReadTimeout")
        return document

    keys = IssuerKeys(fetch, RefreshTerms(every_s=0, retry_after_s=0.2, kept_for_s=3600))
    assert await keys.find("a")

    async def begin_refresh() -> bool:
        tasks.append(asyncio.ensure_future(keys.find("a")))
        await asyncio.sleep(0)
        return fetches == 2

    tasks: list[asyncio.Future[object]] = []
    await poll(begin_refresh, what="a refresh that hangs")

    async with asyncio.timeout(30):
        assert await asyncio.gather(*(keys.find("a") for _ in range(20)))
    hang.set()

    assert all(await asyncio.gather(*tasks))
    assert await keys.find("a")
    assert fetches == 2
