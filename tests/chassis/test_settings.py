"""Settings come from the environment; a missing or invalid one prevents the start."""

import pytest
from pydantic import ValidationError

from paidan_chassis.errors import Misconfigured
from paidan_chassis.settings import ServiceSettings, settings_config
from tests import vault


class LibrarySettings(ServiceSettings):
    """The settings of a service, as a service declares them."""

    model_config = settings_config("LIBRARY_")

    hold_for_s: int = 60


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables that are required."""
    monkeypatch.setenv("LIBRARY_KAFKA", "broker:9092")
    monkeypatch.setenv("LIBRARY_DATABASE", "postgresql://library:hush@db/paidan")
    monkeypatch.setenv("LIBRARY_PORT", "8101")
    monkeypatch.setenv("LIBRARY_VAULT_KEY", vault.KEY)


def test_reads_its_own_prefix_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSEUM_HOLD_FOR_S", "5")
    monkeypatch.setenv("LIBRARY_HOLD_FOR_S", "90")

    assert LibrarySettings.load().hold_for_s == 90


def test_misspelt_variables_are_refused_with_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    """pydantic-settings ignores them silently, and the default would apply in production."""
    monkeypatch.setenv("LIBRARY_HOLD_FRO_S", "90")
    monkeypatch.setenv("LIBRARY_POOL_SZE", "90")

    with pytest.raises(Misconfigured) as refused:
        LibrarySettings.load()

    assert "LIBRARY_HOLD_FRO_S is not a setting (did you mean LIBRARY_HOLD_FOR_S?)" in str(refused.value)
    assert "LIBRARY_POOL_SZE is not a setting (did you mean LIBRARY_POOL_SIZE?)" in str(refused.value)


@pytest.mark.parametrize("name", ["LIBRARY_KAFKA", "LIBRARY_DATABASE", "LIBRARY_PORT", "LIBRARY_VAULT_KEY"])
def test_addresses_and_secrets_have_no_defaults(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)

    with pytest.raises(Misconfigured, match=f"{name}: Field required"):
        LibrarySettings.load()


def test_invalid_value_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start-up errors end up in logs, and a misplaced secret must not."""
    monkeypatch.setenv("LIBRARY_PORT", "hush-hush")

    with pytest.raises(Misconfigured) as refused:
        LibrarySettings.load()

    assert "LIBRARY_PORT" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_secrets_do_not_show_when_printed() -> None:
    output = repr(LibrarySettings.load())

    assert "hush" not in output
    assert vault.KEY not in output


@pytest.mark.parametrize("name", ["LIBRARY_VAULT_KEY", "LIBRARY_VAULT_OLD_KEYS"])
@pytest.mark.parametrize("key", ["not base64!", "aHVzaA==", vault.KEY + vault.KEY])
def test_invalid_key_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch, name: str, key: str) -> None:
    monkeypatch.setenv(name, key)

    with pytest.raises(Misconfigured, match=f"{name}: .*32 bytes in base64") as refused:
        LibrarySettings.load()

    assert key not in str(refused.value)


def test_settings_are_immutable() -> None:
    settings = LibrarySettings.load()

    with pytest.raises(ValidationError, match="frozen"):
        settings.hold_for_s = 1  # type: ignore[misc] # what mypy forbids, too


def test_persons_are_verified_where_an_issuer_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    without = LibrarySettings.load().person_tokens(lambda _scopes: None)
    monkeypatch.setenv("LIBRARY_PERSONS_ISSUER", "http://127.0.0.1:8104")
    verifier = LibrarySettings.load().person_tokens(lambda _scopes: None)

    assert without is None
    assert verifier is not None
    assert (verifier.issuer, verifier.audience) == ("http://127.0.0.1:8104", "paidan")


@pytest.mark.parametrize("address", ["127.0.0.1:8104", "ftp://x", "file:///etc/passwd", "http://"])
def test_issuer_is_a_web_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("LIBRARY_PERSONS_ISSUER", address)

    with pytest.raises(Misconfigured, match="LIBRARY_PERSONS_ISSUER"):
        LibrarySettings.load()
