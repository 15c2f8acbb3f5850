"""The vault: entries are encrypted, and every access is logged."""

import uuid

import pytest
from pydantic import TypeAdapter

from paidan_chassis.encryption import DecryptionFailed, SealedContent
from paidan_intake import vault
from paidan_intake.normalization import VaultContent
from paidan_intake.tickets import Reporter
from paidan_intake.vault import Binding
from tests import vault as keys
from tests.intake.intake_service import IntakeService

PRIVATE = VaultContent(Reporter(name="王小明", phone="13812345678"), "原话", "西街1号", secrecy=True)


BINDING = Binding("a", "quancheng", confidential=True)


@pytest.mark.parametrize(
    "other", [BINDING._replace(report_id="b"), BINDING._replace(city="tiny"), BINDING._replace(confidential=False)]
)
def test_seal_is_bound_to_its_report_city_and_secrecy(other: Binding) -> None:
    """Whoever can write to the table could otherwise open a confidential entry as another one."""
    cipher = keys.build_cipher()
    sealed = vault.seal(cipher, BINDING, PRIVATE)

    assert vault.open_sealed(cipher, BINDING, sealed) == PRIVATE
    with pytest.raises(DecryptionFailed):
        vault.open_sealed(cipher, other, sealed)


def test_entry_of_release_0_1_opens() -> None:
    cipher = keys.build_cipher()
    old = cipher.encrypt(TypeAdapter(VaultContent).dump_json(PRIVATE), associated_data="a")

    assert vault.open_sealed(cipher, BINDING, SealedContent(old.key_id, None, old.body)) == PRIVATE


def test_each_entry_has_a_key_of_its_own_that_a_new_vault_key_wraps_anew() -> None:
    sealed = vault.seal(keys.build_cipher(keys.KEY), BINDING, PRIVATE)
    rotated = keys.build_cipher(keys.OTHER_KEY, keys.KEY)

    again = rotated.rewrap(sealed, associated_data=BINDING.associated_data)

    assert again.body == sealed.body
    assert again.key_id == rotated.newest_key_id != sealed.key_id
    assert vault.open_sealed(keys.build_cipher(keys.OTHER_KEY), BINDING, again) == PRIVATE
    assert vault.seal(keys.build_cipher(), BINDING, PRIVATE).data_key != sealed.data_key


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
