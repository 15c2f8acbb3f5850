"""What `paidan people` stores is whom the cockpit signs in, and disabling a person ends it all at once."""

import uuid
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from paidan_chassis.identity_digests import IdentityDigests
from paidan_cockpit.pages.action_forms import ActionForm, FormField, request_body
from paidan_cockpit.pages.colleagues import errors_of_person, with_colleagues
from paidan_cockpit.rights import Person
from paidan_contracts.city.loader import load_city
from paidan_contracts.unit_actions import HandOn
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
from tests.cockpit import database_fixture
from tests.cockpit.cockpit_edge import new_browser
from tests.scoring.database_fixture import TINY

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


async def test_an_order_is_handed_on_to_a_colleague_chosen_by_name_of_whom_the_id_alone_is_sent(
    pool: "asyncpg.Pool[Any]",
) -> None:
    clerks = [await database_fixture.add_person(pool, "department:streets") for _ in range(2)]
    gone = await database_fixture.add_person(pool, "department:streets")
    await database_fixture.add_person(pool, "department:lamps")
    await database_fixture.add_person(pool, "department:streets", city="other")
    async with pool.acquire() as conn:
        await disable_person(conn, gone)
    units = FormField(
        "action.unit", "choice", "Unit", "", required=True, choices=[("squad", "Squad"), ("streets", "S")]
    )
    form, city = ActionForm("hand_on", "Hand on", True, "", [units]), load_city(TINY)
    clerk, operator = (
        Person("1", "李", "tiny", "clerk", frozenset({each})) for each in ("department:streets", "role:operator")
    )

    [offered] = await with_colleagues(pool, [form], clerk, city, str)

    _, persons = offered.fields
    assert {*persons.choices} == {(str(each), "王敏") for each in clerks}
    assert await with_colleagues(pool, [form], operator, city, str) == [form]
    filled = {"action.unit": "streets", "action.person": str(clerks[0])}
    sent = request_body(offered, filled, [])["action"]
    assert HandOn.model_validate(sent).person == str(clerks[0])
    assert "王敏" not in str(sent)
    assert not errors_of_person(offered, filled, "streets", str)
    assert errors_of_person(offered, filled | {"action.unit": "squad"}, "streets", str).keys() == {"action.unit"}
    assert not errors_of_person(offered, {"action.unit": "squad"}, "streets", str)
