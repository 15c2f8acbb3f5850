"""A key grants what its scopes name and nothing else."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.city.pack_types import Names
from paidan_contracts.city.posts import DUTIES, Post, PostDuty, scopes_of
from paidan_contracts.scopes import (
    ALL_CITIES,
    ROLE_MEANINGS,
    SCOPE_MEANINGS,
    Grants,
    InvalidScope,
    Role,
    covers_city,
    grants_of,
    scope_fault,
    validate_key,
)

SCOPES = ("backdate", "source:hotline", "source:patrol", "department:water", "role:inspector", "role:admin")


def test_grants_of_a_source_key() -> None:
    grants = grants_of(frozenset({"source:hotline", "backdate"}))

    assert grants == Grants(source="hotline", department=None, member=None, roles=frozenset(), may_backdate=True)
    assert not grants.has_role("operator", "monitor")


def test_system_administrator_reads_as_a_monitor_and_does_nothing_else() -> None:
    """Whoever runs the system neither acts on cases, nor reads persons, nor the trail of what he did."""
    assert grants_of(frozenset({"role:admin"})).roles == {"admin", "monitor"}


@pytest.mark.parametrize("role", ["security", "auditor"])
def test_security_and_audit_are_duties_of_their_own(role: str) -> None:
    assert grants_of(frozenset({f"role:{role}"})).roles == {role}


def test_inspector_belongs_to_the_department_that_his_key_names() -> None:
    assert grants_of(frozenset({"role:inspector", "member:water"})).member == "water"


def test_role_key_has_its_own_role_only() -> None:
    grants = grants_of(frozenset({"role:caller"}))

    assert grants.has_role("operator", "caller")
    assert not grants.has_role("operator", "admin")


@given(st.frozensets(st.sampled_from(SCOPES)))
def test_scopes_of_two_sources_grant_nothing(scopes: frozenset[str]) -> None:
    """Such a key cannot be created; one that was stored some other way must not report for either source."""
    sources = {scope for scope in scopes if scope.startswith("source:")}

    assert (grants_of(scopes).source is not None) == (len(sources) == 1)
    assert (scope_fault(scopes) is None) == (len(sources) < 2)


@pytest.mark.parametrize(
    "added",
    [
        "department:water department:fire",
        "member:water member:fire",
        "Class:E*",
        "clas:E*",
        "places:1",
        "place:",
        "unit:1",
        "role:Admin",
    ],
)
def test_scopes_that_cannot_be_read_grant_nothing_instead_of_more(added: str) -> None:
    """Whoever overlooks a bound, or the second of two departments, grants the whole city."""
    scopes = frozenset({"role:operator", *added.split()})

    assert grants_of(scopes) == Grants(None, None, None, roles=frozenset(), may_backdate=False)
    assert scope_fault(scopes) is not None


@pytest.mark.parametrize("added", ["role:of_a_later_release", "class:E0110", "class:*", "place:370102001"])
def test_scopes_that_take_nothing_away_leave_the_others_as_they_are(added: str) -> None:
    assert grants_of(frozenset({"role:operator", added})).has_role("operator")


@pytest.mark.parametrize("duty", DUTIES)
def test_scopes_of_every_post_can_be_read(duty: PostDuty) -> None:
    post = Post(
        id="p",
        names=Names(zh="岗", en="p"),
        duty=duty,
        classes=("C01*", "E0110"),
        places=("370102",),
        department="streets",
    )

    assert scope_fault(scopes_of(post)) is None


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
        ["role:inspector", "member:a", "member:b"],
        ["member:a"],
        ["member:a", "source:b"],
        ["role:admin", "role:auditor"],
        ["role:admin", "backdate"],
        ["role:auditor", "role:operator"],
        ["role:security", "source:a"],
    ],
)
def test_invalid_scopes_are_refused(scopes: list[str]) -> None:
    with pytest.raises(InvalidScope):
        validate_key("quancheng", scopes)


def test_every_mistake_is_named_in_both_languages_with_the_nearest_word() -> None:
    with pytest.raises(InvalidScope) as refused:
        validate_key("Quan", ["role:oprator", "Department:water", "source:a", "source:b"])

    assert len(refused.value.mistakes) == 4
    assert "role:operator" in refused.value.mistakes[0].en.rpartition("mean")[2]
    for each in refused.value.mistakes:
        assert each.en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in each.zh)


@pytest.mark.parametrize(
    ("city", "scope", "meant"),
    [
        ("quancheng", "source:HOTLINE-12345", "source:hotline-12345"),
        ("quancheng", " Department:water", "department:water"),
        ("QuanCheng ", "backdate", "quancheng"),
    ],
)
def test_what_differs_in_case_or_blanks_is_named_as_it_would_be_right(city: str, scope: str, meant: str) -> None:
    with pytest.raises(InvalidScope) as refused:
        validate_key(city, [scope])

    [mistake] = refused.value.mistakes
    assert mistake.en.endswith(f"(did you mean {meant}?)")
    assert mistake.zh.endswith(f"（是否为 {meant}？）")


def test_every_role_is_explained_in_both_languages() -> None:
    assert set(ROLE_MEANINGS) == set(get_args(Role))
    assert all(meaning.en and meaning.zh for meaning in (*ROLE_MEANINGS.values(), *SCOPE_MEANINGS.values()))


@pytest.mark.parametrize("city", ["", "Quan Cheng", "quancheng.370102", "**"])
def test_invalid_cities_are_refused(city: str) -> None:
    with pytest.raises(InvalidScope):
        validate_key(city, ["backdate"])


@pytest.mark.parametrize("city", ["quancheng", ALL_CITIES])
def test_valid_keys_are_accepted(city: str) -> None:
    validate_key(city, ["source:hotline", "department:water", "role:operator", "backdate"])
