"""Tokens of persons who signed in: JWTs that the installation's one issuer signs with Ed25519, valid for a minute.

A token names an opaque person, the city and post that the person acts in, and scopes. Scopes and post are opaque here,
as the scopes of API keys are: services interpret them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.types import Options
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from paidan_chassis.edge.problems import Problem

UUID_PATTERN: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ALGORITHM: Final = "EdDSA"
TOKEN_TYPE: Final = "person+jwt"  # noqa: S105 - the name of a type, not a token
MAX_LIFE_S: Final = 60
LEEWAY_S: Final = 5
"""How far the clocks of issuer and service may be apart."""
MAX_TOKEN_LENGTH: Final = 4096
_HEADER_NAMES: Final = {"alg", "typ", "kid"}
# The life of a token is checked here: the library would read its own clock.
_OPTIONS: Final[Options] = {
    "require": ["iss", "aud", "sub", "iat", "exp", "city", "scope"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonClaims:
    """What a token says about its holder. ``person`` is a UUID in lower case; a token speaks for one post at most."""

    person: str
    city: str
    scopes: frozenset[str]
    post: str | None = None


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """The claims of a valid token, and for how long it stays valid, the leeway included."""

    claims: PersonClaims
    valid_for_s: float


class _Payload(BaseModel):
    """The claims as they are written; a claim that nobody knows is ignored."""

    model_config = ConfigDict(strict=True)

    sub: Annotated[str, StringConstraints(pattern=f"^{UUID_PATTERN}$")]
    city: Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9]{1,30})$")]
    post: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")] | None = None
    scope: Annotated[str, StringConstraints(pattern=r"^[!-~]+( [!-~]+)*$", max_length=2000)]
    iat: Annotated[int, Field(ge=0, lt=2**40)]
    exp: Annotated[int, Field(ge=0, lt=2**40)]


def is_person_token(token: str) -> bool:
    """Return whether a bearer token has the form of a JWT, which no API key has."""
    return token.count(".") == 2


def read_key_id(token: str) -> str:
    """Return the id of the key that a token says it is signed with; raise ``Problem`` 401 for another kind of token.

    Type and algorithm are pinned before any key is looked for: there is no way to talk a service into another one.
    """
    try:
        header = jwt.get_unverified_header(token) if len(token) <= MAX_TOKEN_LENGTH else {}
    except jwt.PyJWTError:
        header = {}
    if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE or header.keys() != _HEADER_NAMES:
        raise _invalid(
            f"its header is not that of a {TOKEN_TYPE} signed with {ALGORITHM}",
            f"其头部不是以 {ALGORITHM} 签名的 {TOKEN_TYPE}",
        )
    return str(header["kid"])


def verify_token(token: str, key: Ed25519PublicKey, *, issuer: str, audience: str, now: datetime) -> VerifiedToken:
    """Return what a token says, if its signature, issuer, audience and life hold; raise ``Problem`` 401 otherwise."""
    try:
        document = jwt.decode(token, key, algorithms=[ALGORITHM], issuer=issuer, audience=audience, options=_OPTIONS)
        payload = _Payload.model_validate(document)
    except jwt.PyJWTError as error:
        raise _invalid(*_describe_fault(error)) from None
    except ValidationError as error:
        names = ", ".join(sorted({str(each["loc"][0]) for each in error.errors(include_input=False)}))
        raise _invalid(f"these claims are malformed: {names}", f"以下声明格式不正确：{names}") from None
    valid_for_s = payload.exp + LEEWAY_S - now.timestamp()
    for message, message_zh in _life_faults(payload, now.timestamp()):
        raise _invalid(message, message_zh)
    claims = PersonClaims(
        person=payload.sub, city=payload.city, scopes=frozenset(payload.scope.split()), post=payload.post
    )
    return VerifiedToken(claims, valid_for_s)


def unknown_key() -> Problem:
    """Return the 401 for a token whose key the issuer does not publish."""
    return _invalid("its issuer publishes no such key", "签发方未公布该密钥")


def invalid_scopes(reason: str, reason_zh: str) -> Problem:
    """Return the 401 for a token whose scopes cannot be read: whatever else it grants may be bounded by them."""
    return _invalid(reason, reason_zh)


def _life_faults(payload: _Payload, now_s: float) -> Iterator[tuple[str, str]]:
    if payload.exp - payload.iat > MAX_LIFE_S:
        yield f"it is valid for more than {MAX_LIFE_S} s", f"其有效期超过 {MAX_LIFE_S} 秒"
    if payload.iat > now_s + LEEWAY_S:
        yield "it is issued in the future: compare the clocks", "其签发时间在未来：请核对两端时钟"
    if payload.exp + LEEWAY_S <= now_s:
        yield "it has expired", "已过期"


def _describe_fault(error: jwt.PyJWTError) -> tuple[str, str]:
    match error:
        case jwt.InvalidSignatureError():
            return "its signature does not hold", "签名不符"
        case jwt.InvalidAudienceError():
            return "it is meant for another installation", "其受众是其他系统"
        case jwt.InvalidIssuerError():
            return "another issuer issued it", "由其他签发方签发"
        case jwt.MissingRequiredClaimError():
            return f"the claim {error.claim} is missing", f"缺少声明 {error.claim}"
        case _:
            return "it cannot be read", "无法读取"


def _invalid(reason: str, reason_zh: str) -> Problem:
    return Problem(401, "invalid_token", f"the person's token is invalid: {reason}", f"人员令牌无效：{reason_zh}")
