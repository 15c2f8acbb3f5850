"""The vault keys of the tests' services; the local stack makes a random one for each."""

from typing import Final

from pydantic import SecretStr

from paidan_chassis.encryption import Cipher

KEY: Final = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER_KEY: Final = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="


def build_cipher(newest: str = KEY, older: str = "") -> Cipher:
    """Return the cipher of a service with these settings."""
    return Cipher.from_base64(SecretStr(newest), SecretStr(older))
