"""Posts of a pack: what is wrong with them is located, what they grant is what keys of the same duty have."""

import uuid
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paidan_chassis.clock import real_now
from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_chassis.edge.person_tokens import PersonClaims, read_key_id, verify_token
from paidan_contracts.city.compare import compare_packs
from paidan_contracts.city.pack_types import Names
from paidan_contracts.city.posts import DUTIES, MAX_SCOPES_LENGTH, Post, PostDuty, scopes_of
from paidan_contracts.scopes import grants_of
from paidan_deploy.citypacks.check import check_folder
from tests.contracts.city_packs import QUANCHENG, TINY, append_line, copy_pack
from tests.contracts.invalid_packs import InvalidPackCase, Mutate, diagnostic_for

HEADER = "id,names.zh,names.en,duty,classes[],places[],department"
DISPATCHER = "dispatcher,派遣员,Dispatcher,dispatcher,,,"


def posts(*lines: str, header: str = HEADER) -> Mutate:
    """Return an edit that gives a pack these posts."""
    return lambda folder: append_line(folder, "posts.csv", "\n".join([header, DISPATCHER, *lines]))


INVALID_POSTS = {
    "an unknown duty": ("p,值班,Post,dispacher,,,", "p: duty: Input should be 'inspector'"),
    "an unknown department": ("p,处置员,Handler,handler,,,street", "p: department: there is no department 'street'"),
    "a handler of nobody": ("p,处置员,Handler,handler,,,", "p: department: is missing: a handler answers for"),
    "a desk of nowhere": ("p,西区席位,West desk,desk,,,", "p: places: is missing: the duty desk belongs to"),
    "a chief of nowhere": ("p,路长,Chief,road_chief,,,", "p: places: is missing: the duty road_chief belongs"),
    "an unknown place": ("p,席位,Desk,desk,,990101 990199,", "p: places: there is no district, street or"),
    "a class that nothing matches": ("p,派遣员,P,dispatcher,E01* C99*,,", "p: classes: 'C99*' matches no class"),
    "a class that is none": ("p,派遣员,P,dispatcher,rubbish,,", "p: classes.0: String should match pattern"),
    "an id given twice": (DISPATCHER, "dispatcher: id: duplicate 'dispatcher'"),
    "an id in capitals": ("Desk,席位,Desk,supervisor,,,", "Desk: id: String should match pattern"),
    "no Chinese name": ("p,,Post,supervisor,,,", "p: names.zh: is missing"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), INVALID_POSTS.values(), ids=INVALID_POSTS.keys())
def test_invalid_post_is_diagnosed(tmp_path: Path, line: str, expected: str) -> None:
    planted = InvalidPackCase(posts(line), f"posts.csv:3: {expected}")

    assert diagnostic_for(planted, tmp_path).startswith(planted.expected)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ('duty = "acceptor"\nactions = ["verifi"]', "terms.toml:47: actions.0: Input should be 'verify'"),
        ('duty = "taker"\nactions = ["verify"]', "terms.toml:47: duty: Input should be 'inspector'"),
        (
            'duty = "desk"\nactions = []\n[[duties]]\nduty = "desk"\nactions = ["file"]',
            "terms.toml:50: duty: duplicate 'desk'",
        ),
    ],
)
def test_duties_are_checked(tmp_path: Path, terms: str, expected: str) -> None:
    planted = InvalidPackCase(lambda folder: append_line(folder, "terms.toml", f"[[duties]]\n{terms}"), expected)

    assert diagnostic_for(planted, tmp_path).startswith(expected)


def test_a_post_has_no_more_classes_and_places_than_a_token_of_its_holders_can_name(tmp_path: Path) -> None:
    """They would sign in, and every service would refuse their tokens."""
    folder = copy_pack(QUANCHENG, tmp_path)
    pack = check_folder(folder).valid_pack()
    bounds = [
        *(f"place:{each.code}" for each in pack.geography.places),
        *(f"class:{each.code}" for each in pack.catalogue.classes),
    ]
    grants = frozenset(["role:operator", *bounds[: _fitting(bounds)]])
    add_post(folder, grants)
    signer = PersonTokenSigner("https://cockpit.example", "paidan", [Ed25519PrivateKey.generate()])
    claims = PersonClaims(person=str(uuid.uuid4()), city="quancheng", scopes=grants, post="p")
    token = signer.sign(claims, real_now())
    key = signer.keys[0].public_key()

    assert not check_folder(folder).mistakes
    assert read_key_id(token)
    assert verify_token(token, key, issuer=signer.issuer, audience=signer.audience, now=real_now()).claims == claims

    add_post(folder, grants | {bounds[_fitting(bounds)]})
    [mistake] = check_folder(folder).mistakes
    assert f"a person's token has room for {MAX_SCOPES_LENGTH}" in str(mistake)


def _fitting(bounds: Sequence[str]) -> int:
    return next(
        number
        for number in range(len(bounds))
        if len(" ".join(["role:operator", *bounds[: number + 1]])) > MAX_SCOPES_LENGTH
    )


def add_post(folder: Path, scopes: Collection[str]) -> None:
    """Add a dispatcher of these classes and places, in place of the one that was added before."""
    listed = (folder / "posts.csv").read_text().splitlines()
    kinds = [
        " ".join(sorted(each.partition(":")[2] for each in scopes if each.startswith(kind)))
        for kind in ("class:", "place:")
    ]
    lines = [each for each in listed if not each.startswith("p,")]
    (folder / "posts.csv").write_text("\n".join([*lines, f"p,派遣员,Dispatcher,dispatcher,{','.join(kinds)},"]) + "\n")


def test_unknown_column_of_posts_is_diagnosed(tmp_path: Path) -> None:
    planted = InvalidPackCase(posts(header=HEADER.replace("department", "unit")), "posts.csv:1: unknown column")

    assert diagnostic_for(planted, tmp_path).startswith(planted.expected)


def test_post_of_a_department_with_a_mistake_of_its_own_is_no_mistake(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    append_line(folder, "departments.csv", "parks,园林局,Parks,parks,,,pigeon")
    posts("p,处置员,Handler,handler,,,parks")(folder)

    assert [each.file for each in check_folder(folder).mistakes] == ["departments.csv"]


def test_pack_without_posts_keeps_its_bytes() -> None:
    """Every decision and score names the version of its pack: a new release must not give a pack another one."""
    pack = check_folder(TINY).valid_pack()

    assert pack.posts is None
    assert b'"posts"' not in pack.canonical_bytes()
    assert b'"duties"' not in pack.canonical_bytes()


def test_posts_are_compared_one_by_one(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    posts()(folder)

    [difference] = compare_packs(check_folder(TINY).valid_pack(), check_folder(folder).valid_pack())

    assert str(difference) == "+ posts dispatcher"


def test_demo_city_has_posts_of_every_role_and_a_handler_for_each_department() -> None:
    pack = check_folder(QUANCHENG).valid_pack()

    assert {each.duty for each in pack.posts or ()} == set(get_args(PostDuty))
    assert {each.department for each in pack.posts or () if each.duty == "handler"} == {
        each.id for each in pack.departments
    }


@pytest.mark.parametrize(
    ("duty", "more", "scopes"),
    [
        ("dispatcher", {}, {"role:operator"}),
        ("handler", {"department": "streets"}, {"department:streets"}),
        ("inspector", {"department": "streets"}, {"role:inspector", "member:streets"}),
        ("supervisor", {"department": "streets"}, {"role:monitor"}),
        ("desk", {"places": ("990101",), "department": "lamps"}, {"role:operator", "place:990101", "member:lamps"}),
        ("caller", {"classes": ("E*", "C0137")}, {"role:caller", "class:E*", "class:C0137"}),
    ],
)
def test_post_grants_what_a_key_of_its_duty_has_within_its_bounds(
    duty: PostDuty, more: dict[str, object], scopes: set[str]
) -> None:
    fields = {"id": "p", "names": Names(zh="岗", en="post"), "duty": duty, **more}

    assert scopes_of(Post.model_validate(fields)) == scopes


@pytest.mark.parametrize("duty", DUTIES)
def test_no_post_grants_what_persons_may_not_hold(duty: PostDuty) -> None:
    """Imports, administration, audit and reporting for a source are keys' duties, not posts'."""
    fields = {"id": "p", "names": Names(zh="岗", en="post"), "duty": duty, "department": "streets"}

    grants = grants_of(scopes_of(Post.model_validate(fields)))

    assert not grants.has_role("importer", "admin", "security", "auditor", "privacy_officer")
    assert (grants.source, grants.may_backdate) == (None, False)
    assert (grants.department is not None) != bool(grants.roles)
