"""The vault: nobody reads it without a key, and nobody looks without leaving a trace."""

import uuid

import pytest

from paidan_chassis.encryption import Unopenable
from paidan_intake import vault
from paidan_intake.api.models import Reporter
from paidan_intake.normalization import Private
from tests import vault as keys
from tests.intake.intake_service import Rig

PRIVATE = Private(Reporter(name="王小明", phone="13812345678"), "原话", "西街1号", secrecy=True)


def test_what_came_with_a_report_opens_for_that_report_alone() -> None:
    cipher = keys.cipher()
    sealed = vault.seal(cipher, "a", PRIVATE)

    assert vault.unseal(cipher, "a", sealed) == PRIVATE
    with pytest.raises(Unopenable):
        vault.unseal(cipher, "b", sealed)


async def test_a_look_into_the_vault_leaves_its_reason(intake: Rig) -> None:
    body = {
        "source_ref": uuid.uuid4().hex,
        "text": "原话13812345678",
        "reporter": {"name": "王小明"},
        "category": "找王小明",
    }
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
    assert shown.json()["category"] == "找王小明", "what was masked in what travelled"
    assert [(row["reader"], row["reason"]) for row in looks] == [("caller", "回访")]
    assert "王小明" not in intake.log.read_text()
