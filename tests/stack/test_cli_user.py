"""Commands record who ran them, also where the system has no name for that."""

import getpass

import pytest

from paidan_deploy.cli.user import user_name


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_id_without_a_name_is_recorded_as_unknown(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """A container's user has a number alone, and its operator drops dead letters and erases persons, too."""

    def fail() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", fail)

    assert user_name() == "unknown"
