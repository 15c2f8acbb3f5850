"""The scopes of an API key, and what each of them grants. The chassis stores and looks up keys.

A person's token has the same scopes, by the person's post; `class:` and `place:` bound what it grants.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args

from paidan_contracts.nearest import nearest

Role = Literal[
    "inspector", "caller", "operator", "monitor", "importer", "admin", "security", "auditor", "privacy_officer"
]

ALL_CITIES: Final = "*"
"""The city of a key that is valid in every city."""
AUDITOR_SCOPE: Final = "role:auditor"
OPERATOR_SCOPE: Final = "role:operator"
SECURITY_SCOPE: Final = "role:security"


class Meaning(NamedTuple):
    """What a scope lets its holder do, in English and Chinese."""

    en: str
    zh: str


ROLE_MEANINGS: Final[MappingProxyType[Role, Meaning]] = MappingProxyType(
    {
        "inspector": Meaning("verifies reports and inspects finished work", "核实上报，核查处置结果"),
        "caller": Meaning(
            "calls reporters back; reads their personal data, each look with a reason",
            "回访上报人；可查看其个人信息，每次须注明理由",
        ),
        "operator": Meaning(
            "files, assigns and voids cases; reads reporters' personal data, each look with a reason; in all cities (*)"
            " also redrives dead letters and lifts halts",
            "立案、派遣、作废案件；可查看上报人个人信息，每次须注明理由；适用于所有城市（*）时还可重投死信、解除停机",
        ),
        "monitor": Meaning("reads cases, reports and scores; no personal data", "查看案件、上报与指标，不含个人信息"),
        "importer": Meaning("sends past records of any source", "导入任一来源的历史记录"),
        "admin": Meaning(
            "system administrator: runs the system and reads what a monitor reads; holds no other duty",
            "系统管理员：负责系统运行，查看权限同 monitor；不得兼任其他职责",
        ),
        "security": Meaning(
            "security administrator: reads keys and refused requests; holds no other duty",
            "安全管理员：查看密钥与被拒请求；不得兼任其他职责",
        ),
        "privacy_officer": Meaning(
            "beside caller or operator: opens confidential reports; exports and erases personal data, with a reason",
            "与 caller 或 operator 同用可查看保密上报；可导出、删除个人信息，每次须注明理由",
        ),
        "auditor": Meaning(
            "auditor: reads the audit trail, with grants and looks at personal data; holds no other duty",
            "审计员：查看审计记录，含授权与个人信息查看记录；不得兼任其他职责",
        ),
    }
)
SCOPE_MEANINGS: Final[MappingProxyType[str, Meaning]] = MappingProxyType(
    {
        "source:<id>": Meaning("reports for this source, and reads its reports", "代表该来源上报，并查看其上报"),
        "department:<id>": Meaning("answers for this department, and reads its orders", "代表该单位回复并查看其派单"),
        "member:<department>": Meaning(
            "beside a role: the person belongs to this department, and may not inspect its work",
            "与角色同用：持有人属于该单位，不得核查该单位的处置",
        ),
        "backdate": Meaning("time limits are judged by the times that the sender states", "时限按发送方填报的时间计算"),
    }
)

_ROLES: Final[tuple[Role, ...]] = get_args(Role)
_SEPARATE_DUTIES: Final[frozenset[str]] = frozenset({"role:admin", SECURITY_SCOPE, AUDITOR_SCOPE})
_PERSONAL_ROLES: Final[frozenset[str]] = frozenset({"role:inspector", "role:caller", "role:operator"})
_SCOPE: Final = re.compile(
    rf"backdate|role:({'|'.join(_ROLES)})|(source|department|member):[a-z0-9]([a-z0-9._-]{{0,78}}[a-z0-9])?"
)
_BOUND: Final = re.compile(r"(class|place):[!-~]{1,80}")
"""A value that no case has shows nothing; a bound that is overlooked would show everything."""
_CITY: Final = re.compile(r"\*|[a-z0-9]+")
_ANY_ROLE: Final = re.compile(r"role:[a-z_]{1,40}")
_IDS_OF_ONE: Final = ("source:", "department:", "member:")


class InvalidScope(Exception):
    """A key cannot have these scopes or this city; ``mistakes`` holds each in English and Chinese."""

    def __init__(self, mistakes: Collection[Meaning]) -> None:
        super().__init__("\n".join(f"{each.en} / {each.zh}" for each in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Grants:
    """What the holder of a key may do, read from the key's scopes."""

    source: str | None
    """The only source that the key may report for."""
    department: str | None
    """The only department that the key may answer for."""
    member: str | None
    """The department to which the person who holds the key belongs."""
    roles: frozenset[Role]
    """A system administrator's key reads what a monitor's reads."""
    may_backdate: bool
    """Whether time limits are judged by the times that the sender states, instead of the times of receipt."""
    classes: frozenset[str] = frozenset()
    """Classes, or patterns of them, to which everything here is bounded; none: every class."""
    places: frozenset[str] = frozenset()
    """Districts, streets and communities to which everything here is bounded; none: the whole city."""
    is_bounded: bool = False
    """Whether ``classes`` or ``places`` bound anything. No property, because each request to act reads it."""

    def has_role(self, *roles: Role) -> bool:
        """Return whether the key holds at least one of these roles."""
        return not self.roles.isdisjoint(roles)


def scope_fault(scopes: frozenset[str]) -> Meaning | None:
    """Return why these scopes grant nothing: one of them is unknown, or two contradict each other; None: they grant.

    A role that only a later release knows grants nothing by itself, and takes nothing from the others.
    """
    for scope in sorted(scopes):
        if not (_SCOPE.fullmatch(scope) or _BOUND.fullmatch(scope) or _ANY_ROLE.fullmatch(scope)):
            return Meaning(f"nobody knows the scope {scope[:80]!r}", f"未知权限 {scope[:80]!r}")
    return next(_repeated(scopes), None)


@lru_cache(maxsize=4096)
def grants_of(scopes: frozenset[str]) -> Grants:
    """Return what these scopes grant; nothing, if one is unknown or two contradict each other. Cached for requests."""
    if scope_fault(scopes) is not None:
        return _NOTHING
    roles = {role for role in _ROLES if f"role:{role}" in scopes}
    return Grants(
        source=_only_value(scopes, "source:"),
        department=_only_value(scopes, "department:"),
        member=_only_value(scopes, "member:"),
        roles=frozenset(roles | {"monitor"} if "admin" in roles else roles),
        may_backdate="backdate" in scopes,
        classes=_values(scopes, "class:"),
        places=_values(scopes, "place:"),
        is_bounded=any(scope.startswith(("class:", "place:")) for scope in scopes),
    )


_NOTHING: Final = Grants(source=None, department=None, member=None, roles=frozenset(), may_backdate=False)


@lru_cache(maxsize=4096)
def covers_city(key_city: str, city: str) -> bool:
    """Return whether a key of ``key_city`` is valid in this city. Cached, as ``grants_of`` is."""
    return key_city in (city, ALL_CITIES)


def validate_key(city: str, scopes: Collection[str]) -> None:
    """Raise ``InvalidScope``, with every mistake, unless a new key may have this city and these scopes.

    Whether there are such a city, source and department is for the writer of keys to check.
    """
    mistakes = [*_malformed(city, scopes), *_contradictions(frozenset(scopes))]
    if mistakes:
        raise InvalidScope(mistakes)


def _malformed(city: str, scopes: Collection[str]) -> Iterator[Meaning]:
    forms = [*SCOPE_MEANINGS, *(f"role:{role}" for role in _ROLES)]
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            spelt_out = scope.strip().lower()
            hint = nearest(scope, [spelt_out] if _SCOPE.fullmatch(spelt_out) else forms)
            yield Meaning(
                f"the scope {scope!r} is none of {', '.join(forms)}{hint.en}",
                f"权限 {scope!r} 不在可用范围内：{'、'.join(forms)}{hint.zh}",
            )
    if not scopes:
        yield Meaning("a key needs at least one scope", "密钥至少需要一项权限")
    if not _CITY.fullmatch(city):
        spelt_out = city.strip().lower()
        hint = nearest(city, [spelt_out] if _CITY.fullmatch(spelt_out) else [])
        yield Meaning(
            f"the city {city!r} is neither a city's id nor * for all cities{hint.en}",
            f"城市 {city!r} 既非城市编号，也非 *{hint.zh}",
        )


def _contradictions(scopes: frozenset[str]) -> Iterator[Meaning]:
    yield from _repeated(scopes)
    duties = scopes & _SEPARATE_DUTIES
    if duties and len(scopes) > 1:
        duty = min(duties)
        yield Meaning(f"duties are separated: {duty} is a key's only scope", f"职责分离：{duty} 须为密钥的唯一权限")
    if any(scope.startswith("member:") for scope in scopes) and not scopes & _PERSONAL_ROLES:
        roles = ", ".join(sorted(_PERSONAL_ROLES))
        yield Meaning(
            f"member:<department> needs one of {roles} beside it", f"member:<department> 须与 {roles} 之一同用"
        )


def _repeated(scopes: frozenset[str]) -> Iterator[Meaning]:
    for prefix in _IDS_OF_ONE:
        if sum(scope.startswith(prefix) for scope in scopes) > 1:
            yield Meaning(f"a key has at most one scope {prefix}<id>", f"一个密钥最多有一项 {prefix}<id>")


def _only_value(scopes: frozenset[str], prefix: str) -> str | None:
    values = _values(scopes, prefix)
    return next(iter(values)) if len(values) == 1 else None


def _values(scopes: frozenset[str], prefix: str) -> frozenset[str]:
    return frozenset(scope.removeprefix(prefix) for scope in scopes if scope.startswith(prefix))
