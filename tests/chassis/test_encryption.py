"""Ciphertexts are decrypted with their key and name alone; an invalid key is reported without its value."""

import pytest

from paidan_chassis.encryption import Ciphertext, DecryptionFailed, InvalidEncryptionKey
from tests.vault import KEY, OTHER_KEY, build_cipher

PLAIN = b"13812345678"


def test_decrypts_after_key_rotation() -> None:
    sealed = build_cipher(KEY).encrypt(PLAIN, associated_data="a")
    rotated = build_cipher(OTHER_KEY, older=KEY)

    assert rotated.decrypt(sealed, associated_data="a") == PLAIN
    assert rotated.encrypt(PLAIN, associated_data="a").key_id != sealed.key_id


def test_encrypting_twice_gives_different_bytes() -> None:
    sealing = build_cipher()

    assert sealing.encrypt(PLAIN, associated_data="a").body != sealing.encrypt(PLAIN, associated_data="a").body


def test_swapped_changed_or_foreign_ciphertext_is_rejected() -> None:
    sealed = build_cipher().encrypt(PLAIN, associated_data="a")
    flipped = sealed.body[:-1] + bytes([sealed.body[-1] ^ 1])

    assert PLAIN not in sealed.body
    with pytest.raises(DecryptionFailed):
        build_cipher().decrypt(sealed, associated_data="b")
    for body in (flipped, sealed.body[:20], sealed.body[:3], b""):
        with pytest.raises(DecryptionFailed):
            build_cipher().decrypt(Ciphertext(sealed.key_id, body), associated_data="a")
    with pytest.raises(DecryptionFailed, match=f"{sealed.key_id} is not among those given"):
        build_cipher(OTHER_KEY).decrypt(sealed, associated_data="a")


@pytest.mark.parametrize("key", ["", "not base64!", "c2hvcnQ=", KEY + KEY])
def test_invalid_key_error_does_not_reveal_the_key(key: str) -> None:
    with pytest.raises(InvalidEncryptionKey, match="32 bytes in base64") as caught:
        build_cipher(key)

    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("older", ["", " ", f"{OTHER_KEY},", f" {OTHER_KEY} , {OTHER_KEY}"])
def test_older_keys_are_a_list_that_may_be_empty(older: str) -> None:
    assert (
        build_cipher(KEY, older=older).decrypt(
            build_cipher(KEY).encrypt(PLAIN, associated_data="a"), associated_data="a"
        )
        == PLAIN
    )
