"""The vault's keys: what an entry's seal is bound to, and that neither a rotation nor a release loses an entry."""

import uuid
from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter

from paidan_chassis.encryption import Cipher, DecryptionFailed, SealedContent
from paidan_intake import vault, vault_entries
from paidan_intake.normalization import VaultContent
from paidan_intake.tickets import Reporter
from paidan_intake.vault import Binding
from paidan_intake.vault_command import reseal
from paidan_intake.vault_entries import Resealed
from tests import vault as keys
from tests.intake.intake_service import IntakeService
from tests.intake.sample_vault import ask, open_vault, send, store
from tests.intake.ticket_payloads import build_ticket

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


async def test_entries_are_sealed_under_the_newest_key_and_former_ones_can_go(database: str) -> None:
    """After a rotation every entry opens with the new key alone, those of release 0.1 too, and none is lost."""
    old, new = keys.build_cipher(), keys.build_cipher(keys.OTHER_KEY)
    rotated = keys.build_cipher(keys.OTHER_KEY, keys.KEY)
    bindings = [Binding(str(uuid.uuid4()), "tiny", confidential=bool(number % 2)) for number in range(5)]
    async with open_vault(database) as pool:
        await store(pool, zip(bindings, _entries(bindings, old, Cipher(b"x" * 32)), strict=True))

        first, again = await reseal(pool, rotated, chunk=2), await reseal(pool, rotated, chunk=2)
        entries = [await vault_entries.find_entry(pool, each.report_id) for each in bindings[:4]]

    assert (first, again) == (Resealed(4, 1), Resealed(0, 1))
    for entry in entries:
        assert entry is not None
        assert entry.sealed is not None
        assert vault.open_sealed(new, entry.binding, entry.sealed) == PRIVATE


def _entries(bindings: list[Binding], old: Cipher, lost: Cipher) -> Iterator[SealedContent]:
    """Yield three entries of today, one of release 0.1, and one under a key that nobody has."""
    for binding in bindings[:3]:
        yield vault.seal(old, binding, PRIVATE)
    plain = old.encrypt(TypeAdapter(VaultContent).dump_json(PRIVATE), associated_data=bindings[3].report_id)
    yield SealedContent(plain.key_id, None, plain.body)
    yield vault.seal(lost, bindings[4], PRIVATE)


async def test_retry_across_a_rotation_of_the_keys_is_the_same_report(private_intake: IntakeService) -> None:
    """A hotline sends a ticket again hours later; meanwhile the vault's key, and with it the digests', was changed."""
    body = build_ticket(text="电话13812345678", reporter={"name": "王小明"})
    await private_intake.start()
    path = await send(private_intake, **body)
    assert private_intake.stop() == 0

    private_intake.settings |= {"VAULT_KEY": keys.OTHER_KEY, "VAULT_OLD_KEYS": keys.KEY}
    await private_intake.start()
    repeated = await send(private_intake, **body, matter=None)
    async with private_intake.client("hotline") as client:
        other = await client.post("/v1/tickets", json=body | {"text": "别的"})
    published = await private_intake.records_about("paidan.inbox", path.rpartition("/")[2])

    assert (repeated, other.status_code) == (path, 409)
    assert len(published) == 2
    assert len({each["digest"] for each in published}) == 1, "or dispatch would refuse the retry"
    assert (await ask(private_intake, "operator", f"{path}/reporter")).json()["text"] == "电话13812345678"
