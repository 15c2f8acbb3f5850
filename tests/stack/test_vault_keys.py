"""Reading a dead letter needs its service's key; errors name the missing setting."""

import secrets as random
from base64 import b64encode
from pathlib import Path

import pytest

from paidan_chassis.encryption import Ciphertext
from paidan_deploy.credentials import Credentials
from paidan_deploy.errors import DeployError
from paidan_deploy.paths import StackPaths
from paidan_deploy.services import DISPATCH, SERVICES, service_secrets
from paidan_deploy.stack.vault_keys import cipher_for, explain_decryption_errors
from tests.vault import KEY, OTHER_KEY, build_cipher

PLAIN = b"13812345678"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPATCH_VAULT_KEY", "DISPATCH_VAULT_OLD_KEYS"):
        monkeypatch.delenv(name, raising=False)


def encrypted_by(key: str) -> Ciphertext:
    return build_cipher(key).encrypt(PLAIN, associated_data="a")


def test_each_service_has_its_own_persistent_key(tmp_path: Path) -> None:
    home = StackPaths(tmp_path)
    credentials = Credentials(home.secrets)

    made, again = (
        {each.name: service_secrets(each, paths=home, credentials=credentials)["VAULT_KEY"] for each in SERVICES}
        for _ in range(2)
    )

    assert made == again
    assert len(set(made.values())) == len(SERVICES)
    assert {path.stat().st_mode & 0o777 for path in home.secrets.iterdir()} == {0o600}
    sealed = encrypted_by(made["dispatch"])
    assert cipher_for(DISPATCH, credentials).decrypt(sealed, associated_data="a") == PLAIN


def test_a_missing_key_is_an_error_and_none_is_generated(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"set DISPATCH_VAULT_KEY: .*vault-key-dispatch"):
        cipher_for(DISPATCH, Credentials(tmp_path))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "older"),
    [(KEY, ""), (OTHER_KEY, KEY), (OTHER_KEY, f"{b64encode(random.token_bytes(32)).decode()}, {KEY}")],
    ids=["the newest", "the one before", "one of those before"],
)
def test_keys_of_the_environment_decrypt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, older: str) -> None:
    """The stored key is the newest; older data needs the key it was encrypted with."""
    monkeypatch.setenv("DISPATCH_VAULT_KEY", key)
    monkeypatch.setenv("DISPATCH_VAULT_OLD_KEYS", older)
    credentials = Credentials(tmp_path)

    assert cipher_for(DISPATCH, credentials).decrypt(encrypted_by(KEY), associated_data="a") == PLAIN
    service_secrets(DISPATCH, paths=StackPaths(tmp_path), credentials=credentials)
    assert cipher_for(DISPATCH, credentials).decrypt(encrypted_by(KEY), associated_data="a") == PLAIN


def test_a_wrong_key_is_an_error_that_names_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH_VAULT_KEY", OTHER_KEY)
    with (
        pytest.raises(DeployError, match="not among those given; DISPATCH_VAULT_OLD_KEYS"),
        explain_decryption_errors(DISPATCH),
    ):
        cipher_for(DISPATCH, Credentials(tmp_path)).decrypt(encrypted_by(KEY), associated_data="a")

    monkeypatch.setenv("DISPATCH_VAULT_KEY", "hush")
    with pytest.raises(DeployError, match=r"DISPATCH_VAULT_KEY.*32 bytes in base64") as refused:
        cipher_for(DISPATCH, Credentials(tmp_path))
    assert "hush" not in str(refused.value)
