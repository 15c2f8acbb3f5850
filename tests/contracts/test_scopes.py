"""A key grants what its scopes name and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.scopes import ALL_CITIES, Grants, InvalidScope, covers_city, grants_of, validate_key

SCOPES = ("backdate", "source:hotline", "source:patrol", "department:water", "role:inspector", "role:admin")


def test_grants_of_a_source_key() -> None:
    grants = grants_of(frozenset({"source:hotline", "backdate"}))

    assert grants == Grants(source="hotline", department=None, roles=frozenset(), may_backdate=True)
    assert not grants.has_role("operator", "monitor")


def test_admin_key_has_every_role() -> None:
    assert grants_of(frozenset({"role:admin"})).has_role("inspector")


def test_role_key_has_its_own_role_only() -> None:
    grants = grants_of(frozenset({"role:caller"}))

    assert grants.has_role("operator", "caller")
    assert not grants.has_role("operator", "admin")


@given(st.frozensets(st.sampled_from(SCOPES)))
def test_scopes_of_two_sources_grant_neither(scopes: frozenset[str]) -> None:
    """Such a key cannot be created; one that was stored some other way must not report for either source."""
    sources = {scope for scope in scopes if scope.startswith("source:")}

    assert (grants_of(scopes).source is not None) == (len(sources) == 1)


@pytest.mark.parametrize(("key_city", "covered"), [("quancheng", True), (ALL_CITIES, True), ("tiny", False)])
def test_key_is_valid_in_its_city(key_city: str, *, covered: bool) -> None:
    assert covers_city(key_city, "quancheng") is covered


@pytest.mark.parametrize(
    "scopes",
    [
        [],
        ["role:mayor"],
        ["source:"],
        ["department:水务"],
        ["everything"],
        ["source:a\n"],
        ["source:a", "source:b"],
        ["department:a", "department:b"],
    ],
)
def test_invalid_scopes_are_refused(scopes: list[str]) -> None:
    with pytest.raises(InvalidScope):
        validate_key("quancheng", scopes)


@pytest.mark.parametrize("city", ["", "Quan Cheng", "quancheng.370102", "**"])
def test_invalid_cities_are_refused(city: str) -> None:
    with pytest.raises(InvalidScope):
        validate_key(city, ["backdate"])


@pytest.mark.parametrize("city", ["quancheng", ALL_CITIES])
def test_valid_keys_are_accepted(city: str) -> None:
    validate_key(city, ["source:hotline", "department:water", "role:operator", "backdate"])
