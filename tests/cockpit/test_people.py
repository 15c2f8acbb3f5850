"""What `paidan people` stores is whom the cockpit signs in, and disabling a person ends it all at once."""

import uuid
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from paidan_chassis.identity_digests import IdentityDigests
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.persons import (
    IdentityDigest,
    NewPerson,
    add_person,
    create_link,
    disable_person,
    list_persons,
)
from tests import vault
from tests.cockpit.cockpit_edge import new_browser

DIGESTS = IdentityDigests.from_base64(SecretStr(vault.KEY))


async def test_a_disabled_persons_sessions_and_links_end_at_once(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with pool.acquire() as conn, new_browser(site) as browser:
        person = await add_person(conn, NewPerson("王敏", "tiny", "monitor"), created_by="test")
        used, unused = [await create_link(conn, person, created_by="test") for _ in range(2)]
        await browser.post("/sign-in", data={"token": used})
        assert (await browser.get("/sessions")).status_code == 200

        assert await disable_person(conn, person)

        assert (await browser.get("/sessions")).status_code == 303
        assert (await browser.post("/sign-in", data={"token": unused})).status_code == 410
        for nobody in (person, uuid.uuid4()):
            with pytest.raises(DeployError, match="who may sign in"):
                await create_link(conn, nobody, created_by="test")


async def test_a_subject_and_an_address_belong_to_one_person_and_are_stored_as_digests(
    pool: "asyncpg.Pool[Any]",
) -> None:
    subject = IdentityDigest("subject", DIGESTS.of_subject("https://id.example/", "wangmin")[0])
    email = IdentityDigest("email", DIGESTS.of_email("Wang.Min@city.example")[0])
    async with pool.acquire() as conn:
        first = NewPerson("王敏", "tiny", "inspector")
        person = await add_person(conn, first, created_by="test", identities=[subject, email])
        known = {each.person_id: each.identities for each in await list_persons(conn)}
        with pytest.raises(DeployError, match="somebody else"):
            await add_person(conn, NewPerson("李娜", "tiny", "monitor"), created_by="test", identities=[email])
        names = [each.name for each in await list_persons(conn)]
        await disable_person(conn, person)
        at_another_post = first._replace(post="dispatcher")
        again = await add_person(conn, at_another_post, created_by="test", identities=[subject, email])
        known |= {each.person_id: each.identities for each in await list_persons(conn) if each.person_id == again}
    assert known[person] == known[again] == ("subject", "email")
    assert "李娜" not in names


def test_digests_are_found_again_however_written_and_after_a_new_key() -> None:
    rotated = IdentityDigests.from_base64(SecretStr("A" * 43 + "="), [SecretStr(vault.KEY)])
    assert DIGESTS.of_email(" WANG.min@City.Example") == DIGESTS.of_email("wang.min@city.example")
    assert DIGESTS.of_subject("https://id.example/", "1") == DIGESTS.of_subject("https://id.example", "1")
    assert DIGESTS.of_subject("https://other.example", "1") != DIGESTS.of_subject("https://id.example", "1")
    assert DIGESTS.of_email("a@b.example")[0] in rotated.of_email("a@b.example")
    assert rotated.of_email("a@b.example")[0] not in DIGESTS.of_email("a@b.example")
