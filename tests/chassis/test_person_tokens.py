"""Tokens of persons: only what the issuer signed, for this installation, within its minute, opens anything."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.edge.issuer_keys import KeySetUnavailable, parse_key_set
from paidan_chassis.edge.person_token_signer import PersonTokenSigner, key_id_of
from paidan_chassis.edge.person_tokens import (
    LEEWAY_S,
    MAX_LIFE_S,
    TOKEN_TYPE,
    PersonClaims,
    VerifiedToken,
    read_key_id,
    verify_token,
)
from paidan_chassis.edge.problems import Problem

ISSUER = "http://cockpit.test"
AUDIENCE = "paidan"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
SIGNER = PersonTokenSigner(ISSUER, AUDIENCE, [KEY])
CLAIMS = PersonClaims(
    person="5b0e7a3c-7f0a-4a52-9f0a-1f2e3d4c5b6a",
    city="quancheng",
    scopes=frozenset({"role:librarian", "branch:east"}),
    post="desk-1",
)
claims = st.builds(
    PersonClaims,
    person=st.uuids().map(str),
    city=st.sampled_from(["*", "quancheng", "tiny"]),
    scopes=st.frozensets(st.text(alphabet="abz:0*-._", min_size=1, max_size=30), min_size=1, max_size=9),
    post=st.none() | st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
)


def verify(token: str, now: datetime = NOW) -> VerifiedToken:
    """Verify as a service does that knows the first key alone."""
    if read_key_id(token) != key_id_of(KEY.public_key()):
        raise LookupError
    return verify_token(token, KEY.public_key(), issuer=ISSUER, audience=AUDIENCE, now=now)


def forge(key: Any = KEY, headers: dict[str, Any] | None = None, algorithm: str = "EdDSA", **changed: object) -> str:  # noqa: ANN401 - any key
    """Sign a token that differs from a valid one; None leaves a claim out."""
    seconds = int(NOW.timestamp())
    valid = {"iss": ISSUER, "aud": AUDIENCE, "sub": CLAIMS.person, "iat": seconds, "exp": seconds + MAX_LIFE_S}
    payload = valid | {"city": "quancheng", "scope": "role:librarian"} | changed
    present = {name: value for name, value in payload.items() if value is not None}
    kid = key_id_of(KEY.public_key())
    return jwt.encode(present, key, algorithm, headers={"typ": TOKEN_TYPE, "kid": kid} | (headers or {}))


def reason_of(token: str, now: datetime = NOW) -> str:
    with pytest.raises(Problem) as refused:
        verify(token, now)
    assert (refused.value.status, refused.value.code) == (401, "invalid_token")
    assert refused.value.message_zh.startswith("人员令牌无效：")
    return refused.value.message.removeprefix("the person's token is invalid: ")


@given(claims, st.floats(0, MAX_LIFE_S))
def test_signed_claims_are_read_as_they_were_signed(stated: PersonClaims, after_s: float) -> None:
    verified = verify(SIGNER.sign(stated, NOW), NOW + timedelta(seconds=after_s))

    assert verified.claims == stated
    assert 0 < verified.valid_for_s <= MAX_LIFE_S + LEEWAY_S


@given(st.floats(-10, 80), st.integers(1, MAX_LIFE_S + 10))
def test_token_is_valid_for_its_minute_and_no_longer(after_s: float, life_s: int) -> None:
    token, now = SIGNER.sign(CLAIMS, NOW, life_s=life_s), NOW + timedelta(seconds=after_s)

    if life_s > MAX_LIFE_S:
        assert reason_of(token, now) == "it is valid for more than 60 s"
    elif after_s < -LEEWAY_S:
        assert reason_of(token, now) == "it is issued in the future: compare the clocks"
    elif after_s >= life_s + LEEWAY_S:
        assert reason_of(token, now) == "it has expired"
    else:
        assert verify(token, now).claims == CLAIMS


@given(st.data())
def test_tampered_token_opens_nothing(data: st.DataObject) -> None:
    token = SIGNER.sign(CLAIMS, NOW)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCabc019-_.").filter(lambda each: each != token[at]))
    tampered = token[:at] + letter + token[at + 1 :]

    try:
        verified = verify(tampered)
    except (Problem, LookupError):
        return
    # The last letter of a signature has bits that belong to no byte.
    assert at == len(token) - 1
    assert verified.claims == CLAIMS


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "http://elsewhere.test"}, "another issuer issued it"),
        ({"aud": "another installation"}, "it is meant for another installation"),
        ({"aud": [AUDIENCE, "another"]}, "it is meant for another installation"),
        ({"aud": None}, "the claim aud is missing"),
        ({"exp": None}, "the claim exp is missing"),
        ({"iat": None}, "the claim iat is missing"),
        ({"scope": None}, "the claim scope is missing"),
        ({"sub": "Wang Min"}, "these claims are malformed: sub"),
        ({"sub": CLAIMS.person.upper()}, "these claims are malformed: sub"),
        ({"scope": "", "city": "Quan Cheng"}, "these claims are malformed: city, scope"),
        ({"scope": ["role:librarian"]}, "these claims are malformed: scope"),
        ({"exp": str(int(NOW.timestamp()) + 60)}, "these claims are malformed: exp"),
        ({"post": "desk 1"}, "these claims are malformed: post"),
    ],
)
def test_signed_token_with_other_claims_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    assert reason_of(forge(**changed)) == reason


HEADER_REASON = f"its header is not that of a {TOKEN_TYPE} signed with EdDSA"


@pytest.mark.parametrize(
    "token",
    [
        forge(key=None, algorithm="none"),
        forge(key="k" * 32, algorithm="HS256"),
        forge(key=base64.b64encode(KEY.public_key().public_bytes_raw()).decode(), algorithm="HS256"),
        forge(key=generate_private_key(SECP256R1()), algorithm="ES256"),
        forge(headers={"typ": "JWT"}),
        forge(headers={"crit": ["b64"]}),
        forge(headers={"jku": "http://elsewhere.test/keys"}),
        forge().replace(".", "!"),
        "a.b.c",
        "." * 2,
        forge(scope="x" * 9000),
    ],
)
def test_other_algorithms_and_types_are_refused_before_a_key_is_looked_for(token: str) -> None:
    with pytest.raises(Problem) as refused:
        read_key_id(token)
    assert refused.value.message.endswith(HEADER_REASON)


def test_another_key_under_the_issuers_key_id_is_refused() -> None:
    assert reason_of(forge(key=OTHER_KEY)) == "its signature does not hold"


def test_published_key_set_holds_public_keys_alone_and_verifies_what_was_signed() -> None:
    signer = PersonTokenSigner(ISSUER, AUDIENCE, [OTHER_KEY, KEY])
    published = json.dumps(signer.key_set())

    keys = parse_key_set(published.encode())
    token = signer.sign(CLAIMS, NOW)

    assert set(keys) == {key_id_of(each.public_key()) for each in (KEY, OTHER_KEY)}
    verified = verify_token(token, keys[read_key_id(token)], issuer=ISSUER, audience=AUDIENCE, now=NOW)
    assert verified.claims == CLAIMS
    assert '"d"' not in published


def test_keys_of_other_kinds_in_the_set_are_left_out() -> None:
    [own] = SIGNER.key_set()["keys"]
    others = [
        {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"},
        own | {"kid": "enc", "use": "enc"},
        own | {"kid": "short", "x": "AAAA"},
        own | {"kid": "private", "d": base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")},
        {name: value for name, value in own.items() if name != "kid"},
    ]

    assert set(parse_key_set(json.dumps({"keys": [*others, own]}).encode())) == {own["kid"]}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [1]}'])
def test_what_is_no_key_set_leaves_the_keys_unknown(body: bytes) -> None:
    with pytest.raises(KeySetUnavailable):
        parse_key_set(body)
