"""The life of a case as a table: which action is allowed in which state, and who may do what. Both in two languages."""

from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from paidan_contracts.actions import Actor
from paidan_contracts.state import Status
from paidan_dispatch.cases.bilingual import Bilingual

ActionKind: TypeAlias = Literal[
    "verify", "file", "assign", "redispatch", "accept", "return", "finish", "inspect", "call_back", "void", "urge"
]
ActorRole: TypeAlias = Literal["department", "inspector", "caller", "operator", "importer", "source"]

ALLOWED_ACTIONS: Final[MappingProxyType[Status, tuple[ActionKind, ...]]] = MappingProxyType(
    {
        "received": ("verify",),
        "filed": ("assign", "file", "void"),
        # Filing anew leaves the state as it is: it mends the row, and with it the limit.
        "dispatched": ("accept", "return", "redispatch", "file", "void"),
        "handling": ("finish", "return", "file", "urge"),
        "suspended": (),
        "inspecting": ("inspect",),
        "closed": ("call_back",),
        "not_accepted": (),
        "voided": (),
    }
)

ROLE_ACTIONS: Final[MappingProxyType[ActorRole, frozenset[ActionKind]]] = MappingProxyType(
    {
        "department": frozenset({"accept", "return", "finish"}),
        "inspector": frozenset({"verify", "inspect"}),
        "caller": frozenset({"call_back"}),
        "operator": frozenset({"verify", "file", "assign", "redispatch", "void", "urge"}),
        # An import repeats what others did, each at its own time.
        "importer": frozenset(get_args(ActionKind)),
        "source": frozenset(),
    }
)

_STATUS_NAMES_ZH: Final[MappingProxyType[Status, str]] = MappingProxyType(
    {
        "received": "待核实",
        "filed": "已立案待派遣",
        "dispatched": "已派遣待签收",
        "handling": "处置中",
        "suspended": "挂账",
        "inspecting": "待核查",
        "closed": "已结案",
        "not_accepted": "不予受理",
        "voided": "已作废",
    }
)
_ACTION_NAMES_ZH: Final[MappingProxyType[ActionKind, str]] = MappingProxyType(
    {
        "verify": "核实",
        "file": "立案",
        "assign": "派遣",
        "redispatch": "重派",
        "accept": "签收",
        "return": "退单",
        "finish": "处置完成",
        "inspect": "核查",
        "call_back": "回访",
        "void": "作废",
        "urge": "催办",
    }
)
SUPPORTED: Final[frozenset[str]] = frozenset(get_args(ActionKind))


def role_may(actor: Actor, kind: str) -> bool:
    """Tell whether somebody in this role may ask for the action at all."""
    return kind in ROLE_ACTIONS[actor.kind]


def allowed_text(status: Status) -> Bilingual:
    """Name the state and what is allowed in it: every refusal ends with this."""
    return _ALLOWED_TEXTS[status]


def _build_allowed_text(status: Status) -> Bilingual:
    allowed = ALLOWED_ACTIONS[status]
    en = ", ".join(allowed) or "nothing"
    zh = "、".join(_ACTION_NAMES_ZH[kind] for kind in allowed) or "无"
    return Bilingual(
        f"The case is in state {status}; allowed there: {en}.",
        f"案件状态为“{_STATUS_NAMES_ZH[status]}”，此时可做：{zh}。",
    )


_ALLOWED_TEXTS: Final = MappingProxyType({status: _build_allowed_text(status) for status in get_args(Status)})
