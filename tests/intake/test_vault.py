"""The vault: nobody reads it without a key, and nobody looks without leaving a trace."""

import base64
import uuid

import pytest
from pydantic import SecretStr

from paidan_chassis.errors import Misconfigured
from paidan_intake.asked import Reporter
from paidan_intake.receiving import Private
from paidan_intake.vault import Cipher, Sealed, Unopenable
from tests.intake.rig import Rig

OLD, NEW = (SecretStr(base64.b64encode(bytes([each]) * 32).decode()) for each in (1, 2))
NONE = SecretStr("")
PRIVATE = Private(Reporter(name="王小明", phone="13812345678"), "原话", "西街1号", secrecy=True)


def test_what_was_sealed_opens_again_after_the_key_is_rotated() -> None:
    sealed = Cipher.of(OLD, NONE).seal("a", PRIVATE)
    rotated = Cipher.of(NEW, OLD)

    assert rotated.open("a", sealed) == PRIVATE
    assert rotated.seal("a", PRIVATE).key_id != sealed.key_id


def test_sealing_twice_never_gives_the_same_bytes() -> None:
    cipher = Cipher.of(OLD, NONE)

    assert cipher.seal("a", PRIVATE).body != cipher.seal("a", PRIVATE).body


def test_rows_cannot_be_swapped_changed_or_opened_without_their_key() -> None:
    cipher = Cipher.of(OLD, NONE)
    sealed = cipher.seal("a", PRIVATE)

    with pytest.raises(Unopenable):
        cipher.open("b", sealed)
    with pytest.raises(Unopenable):
        cipher.open("a", Sealed(sealed.key_id, sealed.body[:-1] + bytes([sealed.body[-1] ^ 1])))
    with pytest.raises(Unopenable):
        Cipher.of(NEW, NONE).open("a", sealed)


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_bad_key_is_said_and_not_shown(key: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Cipher.of(SecretStr(key), NONE)

    assert not key or key not in str(caught.value)


async def test_a_look_into_the_vault_leaves_its_reason(intake: Rig) -> None:
    body = {"source_ref": uuid.uuid4().hex, "text": "原话13812345678", "reporter": {"name": "王小明"}}
    async with intake.client("hotline") as client:
        path = "/v1/reports/" + (await client.post("/v1/tickets", json=body)).json()["report_id"] + "/reporter"
        refused = await client.post(path, json={"reason": "curious"})
    async with intake.client("department") as client:
        refused_too = await client.post(path, json={"reason": "curious"})
    async with intake.client("caller") as client:
        reasonless = await client.post(path, json={"reason": ""})
        shown = await client.post(path, json={"reason": "回访"})
        nobodys = await client.post(f"/v1/reports/{uuid.uuid4()}/reporter", json={"reason": "回访"})
    looks = await intake.fetch("SELECT reader, reason FROM vault_reading")

    assert [each.status_code for each in (refused, refused_too, reasonless, nobodys)] == [403, 403, 422, 404]
    assert (shown.json()["reporter"]["name"], shown.json()["text"]) == ("王小明", "原话13812345678")
    assert [(row["reader"], row["reason"]) for row in looks] == [("caller", "回访")]
    assert "王小明" not in intake.log.read_text()
