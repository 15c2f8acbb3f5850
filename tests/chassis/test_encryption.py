"""What is sealed opens under its key and its name alone, and a key that is none is said and not shown."""

import pytest

from paidan_chassis.encryption import BadKey, Sealed, Unopenable
from tests.vault import ANOTHER, KEY, cipher

PLAIN = b"13812345678"


def test_what_was_sealed_opens_again_after_the_key_is_rotated() -> None:
    sealed = cipher(KEY).seal(PLAIN, bound_to="a")
    rotated = cipher(ANOTHER, older=KEY)

    assert rotated.open(sealed, bound_to="a") == PLAIN
    assert rotated.seal(PLAIN, bound_to="a").key_id != sealed.key_id


def test_sealing_twice_never_gives_the_same_bytes() -> None:
    sealing = cipher()

    assert sealing.seal(PLAIN, bound_to="a").body != sealing.seal(PLAIN, bound_to="a").body


def test_rows_cannot_be_swapped_changed_or_opened_without_their_key() -> None:
    sealed = cipher().seal(PLAIN, bound_to="a")
    flipped = sealed.body[:-1] + bytes([sealed.body[-1] ^ 1])

    assert PLAIN not in sealed.body
    with pytest.raises(Unopenable):
        cipher().open(sealed, bound_to="b")
    for body in (flipped, sealed.body[:20], sealed.body[:3], b""):
        with pytest.raises(Unopenable):
            cipher().open(Sealed(sealed.key_id, body), bound_to="a")
    with pytest.raises(Unopenable, match=f"{sealed.key_id} is not among those given"):
        cipher(ANOTHER).open(sealed, bound_to="a")


@pytest.mark.parametrize("key", ["", "not base64!", "c2hvcnQ=", KEY + KEY])
def test_a_bad_key_is_said_and_not_shown(key: str) -> None:
    with pytest.raises(BadKey, match="32 bytes in base64") as caught:
        cipher(key)

    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("older", ["", " ", f"{ANOTHER},", f" {ANOTHER} , {ANOTHER}"])
def test_older_keys_are_a_list_that_may_be_empty(older: str) -> None:
    assert cipher(KEY, older=older).open(cipher(KEY).seal(PLAIN, bound_to="a"), bound_to="a") == PLAIN
