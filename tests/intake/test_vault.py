"""The vault: entries are encrypted, and every access is logged."""

import uuid

import pytest

from paidan_chassis.encryption import DecryptionFailed
from paidan_intake import vault
from paidan_intake.normalization import VaultContent
from paidan_intake.tickets import Reporter
from tests import vault as keys
from tests.intake.intake_service import IntakeService

PRIVATE = VaultContent(Reporter(name="王小明", phone="13812345678"), "原话", "西街1号", secrecy=True)


def test_vault_entry_is_bound_to_its_report() -> None:
    cipher = keys.build_cipher()
    sealed = vault.encrypt(cipher, "a", PRIVATE)

    assert vault.decrypt(cipher, "a", sealed) == PRIVATE
    with pytest.raises(DecryptionFailed):
        vault.decrypt(cipher, "b", sealed)


async def test_vault_access_is_logged_with_its_reason(intake: IntakeService) -> None:
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
        response = await client.post(path, json={"reason": "回访"})
        nobodys = await client.post(f"/v1/reports/{uuid.uuid4()}/reporter", json={"reason": "回访"})
    looks = await intake.fetch("SELECT reader, reason FROM vault_reading")

    assert [each.status_code for each in (refused, refused_too, reasonless, nobodys)] == [403, 403, 422, 404]
    assert (response.json()["reporter"]["name"], response.json()["text"]) == ("王小明", "原话13812345678")
    assert response.json()["category"] == "找王小明", "what was masked in what travelled"
    assert [(row["reader"], row["reason"]) for row in looks] == [("caller", "回访")]
    assert "王小明" not in intake.log.read_text()
