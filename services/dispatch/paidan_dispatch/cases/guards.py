"""Which action is allowed in which state, which role may ask for it, and the wording of refusals."""

from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from paidan_contracts.actions import ReturnCode
from paidan_contracts.outcomes import Refusal, RefusalCode
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.cases.bilingual import Bilingual

ActionKind: TypeAlias = Literal[
    "verify", "file", "assign", "redispatch", "accept", "return", "finish", "inspect", "call_back", "void", "urge"
]
ActorRole: TypeAlias = Literal["department", "inspector", "caller", "operator", "importer", "source"]

SUPPORTED_ACTIONS: Final[frozenset[str]] = frozenset(get_args(ActionKind))
"""Every other action of the contract is refused as ``not_supported_yet``."""

ALLOWED_ACTIONS: Final[MappingProxyType[Status, tuple[ActionKind, ...]]] = MappingProxyType(
    {
        "received": ("verify",),
        "filed": ("assign", "file", "void"),
        # Filing again keeps the status: it corrects the row, and with it the limit.
        "dispatched": ("accept", "return", "redispatch", "file", "void"),
        "handling": ("finish", "return", "file", "urge"),
        "suspended": (),
        "inspecting": ("inspect",),
        "closed": ("call_back",),
        "not_accepted": (),
        "voided": (),
    }
)

ROLE_ACTIONS: Final[MappingProxyType[ActorRole, frozenset[str]]] = MappingProxyType(
    {
        "department": frozenset({"accept", "return", "finish"}),
        "inspector": frozenset({"verify", "inspect"}),
        "caller": frozenset({"call_back"}),
        "operator": frozenset({"verify", "file", "assign", "redispatch", "void", "urge"}),
        # An import repeats what others did, each at its own time.
        "importer": SUPPORTED_ACTIONS,
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


def build_refusal(state: CaseState, code: RefusalCode, text: Bilingual, field: str | None = None) -> Refusal:
    """Return a refusal whose text ends with the case's state and what is allowed in it."""
    allowed = _ALLOWED_TEXTS[state.status]
    return Refusal(code=code, field=field, message=f"{text.en} {allowed.en}", message_zh=f"{text.zh}{allowed.zh}")


def not_supported_yet(state: CaseState, kind: str) -> Refusal:
    """Return the refusal of an action that the contract names and dispatch does not support yet."""
    text = Bilingual(f"The action {kind} is not supported yet.", f"尚不支持操作 {kind}。")
    return build_refusal(state, "not_supported_yet", text, "action.kind")


def unknown_action(state: CaseState, kind: str) -> Refusal:
    """Return the refusal of an action of a kind that the contract does not name."""
    text = Bilingual(f"There is no action of kind {kind}.", f"没有名为 {kind} 的操作。")
    return build_refusal(state, "unknown_action", text, "action.kind")


def unknown_return_code(state: CaseState) -> Refusal:
    """Return the refusal of a return whose code the contract does not name."""
    codes = get_args(ReturnCode)
    text = Bilingual(f"The code is none of {', '.join(codes)}.", f"退单原因代码须为以下之一：{'、'.join(codes)}。")
    return build_refusal(state, "invalid_field", text, "action.code")


def calendar_exhausted(state: CaseState) -> Refusal:
    """Return the refusal of an action whose limit the working calendar does not cover."""
    text = Bilingual("The working calendar does not reach far enough to set a limit.", "工作日历不足以计算时限。")
    return build_refusal(state, "calendar_ended", text)


def unknown_case(case_id: str) -> Refusal:
    """Return the refusal of an action on a case that does not exist."""
    return Refusal(
        code="unknown_case", field="case_id", message=f"There is no case {case_id}.", message_zh=f"没有案件 {case_id}。"
    )


def _build_allowed_text(status: Status) -> Bilingual:
    allowed = ALLOWED_ACTIONS[status]
    en = ", ".join(allowed) or "nothing"
    zh = "、".join(_ACTION_NAMES_ZH[kind] for kind in allowed) or "无"
    return Bilingual(
        f"The case is in state {status}; allowed there: {en}.",
        f"案件状态为“{_STATUS_NAMES_ZH[status]}”，此时可做：{zh}。",
    )


_ALLOWED_TEXTS: Final = MappingProxyType({status: _build_allowed_text(status) for status in get_args(Status)})
