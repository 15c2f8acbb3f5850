"""The wording of refusals of actions, in English and in Chinese."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, get_args

from paidan_contracts.actions import Action, UnknownAction
from paidan_contracts.nearest import nearest
from paidan_contracts.outcomes import Refusal, RefusalCode
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.guards import ALLOWED_ACTIONS, ROLE_ACTIONS, ActionKind, ActorRole
from paidan_dispatch.cases.names import ACTION_NAMES, RETURN_CODE_NAMES, ROLE_NAMES, STATUS_NAMES

NOT_YOUR_ORDER: Final = Refusal(
    code="not_your_order",
    field="actor",
    message="The case has no order of yours, to lead or to help.",
    message_zh="本案没有贵单位的派单（主办或协办）。",
)
"""Does not tell the case's state, which is no business of another department."""


_UNKNOWN_NAMES: Final[Mapping[str, tuple[RefusalCode, Bilingual]]] = MappingProxyType(
    {
        "department": ("unknown_department", Bilingual("The city has no department", "本市没有单位")),
        "complained_of": ("unknown_department", Bilingual("The city has no department", "本市没有单位")),
        "row_id": ("unknown_row", Bilingual("The catalogue has no row", "立案标准中没有条目")),
        "class_code": ("unknown_class", Bilingual("The catalogue has no class", "立案标准中没有类别")),
        "district": ("invalid_field", Bilingual("The city has no place", "本市没有区域")),
    }
)
"""By field, the code and the beginning of the refusal of a name that the city's pack does not have."""


def build_refusal(
    state: CaseState, code: RefusalCode, text: Bilingual, field: str | None = None, *, role: ActorRole | None = None
) -> Refusal:
    """Return a refusal whose text ends with the case's state and what the role (if None, anybody) may do in it."""
    allowed = _ALLOWED_TEXTS[state.status, role, state.past]
    return Refusal(code=code, field=field, message=f"{text.en} {allowed.en}", message_zh=f"{text.zh}{allowed.zh}")


def without_allowed(state: CaseState, refusal: Refusal) -> Refusal:
    """Return a refusal without what is allowed instead, for where that is told beside it."""
    for role in (None, *get_args(ActorRole)):
        allowed = _ALLOWED_TEXTS[state.status, role, state.past]
        if refusal.message.endswith(allowed.en):
            shorter = {
                "message": refusal.message.removesuffix(f" {allowed.en}"),
                "message_zh": refusal.message_zh.removesuffix(allowed.zh),
            }
            return refusal.model_copy(update=shorter)
    return refusal


def unknown_name(
    state: CaseState,
    field: Literal["department", "row_id", "class_code", "district", "complained_of"],
    name: str,
    known: Collection[str],
) -> Refusal:
    """Return the refusal of a name that the city's pack does not have; it names the nearest."""
    hint, (code, missing) = nearest(name, known), _UNKNOWN_NAMES[field]
    text = Bilingual(f"{missing.en} {name}{hint.en}.", f"{missing.zh} {name}{hint.zh}。")
    return build_refusal(state, code, text, f"action.{field}")


def unknown_level(state: CaseState, level: str, known: Collection[str]) -> Refusal:
    """Return the refusal of a level that the city's ladder does not have; it names those that it has."""
    names = ", ".join(known)
    text = Bilingual(
        f"The city's ladder has no level {level}; it has: {names or 'none'}.",
        f"本市没有督办层级“{level}”；现有：{names or '无'}。",
    )
    return build_refusal(state, "unknown_level", text, "action.level", role="operator")


def not_your_role(state: CaseState, kind: str, role: ActorRole) -> Refusal:
    """Return the refusal of an action that a role may never take."""
    text = Bilingual(
        f"{ROLE_NAMES[role].en.capitalize()} may not {action_name_en(kind)}.",
        f"{ROLE_NAMES[role].zh}无权进行{action_name_zh(kind)}。",
    )
    return build_refusal(state, "not_your_role", text, "actor", role=role)


def not_allowed_in_state(state: CaseState, kind: str, role: ActorRole | None) -> Refusal:
    """Return the refusal of an action that is not allowed in the case's state."""
    names = STATUS_NAMES[state.status]
    text = Bilingual(
        f"It is not possible to {action_name_en(kind)} while the case is {names.en}.",
        f"案件处于“{names.zh}”时不能进行{action_name_zh(kind)}。",
    )
    return build_refusal(state, "not_allowed_in_state", text, "action.kind", role=role)


def not_supported(state: CaseState, action: Action) -> Refusal:
    """Return the refusal of an action that dispatch does not support yet, or that nobody knows."""
    if isinstance(action, UnknownAction):
        return _unknown_action(state, action.kind)
    text = Bilingual(
        f"The action “{action_name_en(action.kind)}” is not supported yet.",
        f"尚不支持操作“{ACTION_NAMES[action.kind].zh}”。",
    )
    return build_refusal(state, "not_supported_yet", text, "action.kind")


def merged_report(state: CaseState, role: ActorRole) -> Refusal:
    """Return the refusal of an action that would end a case for a report that joined it."""
    text = Bilingual(
        "The report joined a case that another one opened, which goes on.", "该上报已并入他人上报的案件，案件继续办理。"
    )
    return build_refusal(state, "merged_report", text, "of_report", role=role)


def _unknown_action(state: CaseState, kind: str) -> Refusal:
    kinds = get_args(ActionKind)
    text = Bilingual(
        f"There is no action {kind}; there are: {', '.join(kinds)}.",
        f"没有操作“{kind}”；可用的有：{'、'.join(f'{ACTION_NAMES[each].zh}（{each}）' for each in kinds)}。",
    )
    return build_refusal(state, "unknown_action", text, "action.kind")


def unknown_return_code(state: CaseState, code: str, role: ActorRole) -> Refusal:
    """Return the refusal of a return with a code that this release does not know."""
    names = {known: each.zh for known, each in RETURN_CODE_NAMES.items()}
    text = Bilingual(
        f"There is no code {code} for a return; there are: {', '.join(names)}.",
        f"没有退单代码“{code}”；可用的有：{'、'.join(f'{name}（{each}）' for each, name in names.items())}。",
    )
    return build_refusal(state, "invalid_field", text, "action.code", role=role)


def reason_missing(state: CaseState, kind: str, role: ActorRole) -> Refusal:
    """Return the refusal of an action without the reason that it needs."""
    text = Bilingual(
        f"The action “{action_name_en(kind)}” needs a reason of 1 to 1000 characters.",
        f"{action_name_zh(kind)}须填写理由，1 至 1000 字。",
    )
    return build_refusal(state, "reason_missing", text, "action.reason", role=role)


def not_your_report(state: CaseState, report_id: str | None) -> Refusal:
    """Return the refusal of a source that names no report of its own."""
    if report_id is None:
        text = Bilingual("A source names its own report in of_report.", "上报来源须在 of_report 中写明自己的上报编号。")
    else:
        text = Bilingual(f"The report {report_id} is not yours.", f"上报 {report_id} 不属于贵方。")
    return build_refusal(state, "unknown_report", text, "of_report", role="source")


def not_an_import(state: CaseState) -> Refusal:
    """Return the refusal of an import that would act on a case that is no imported past."""
    text = Bilingual("An import acts on its own past records only.", "导入角色只能处理导入的历史案件。")
    return build_refusal(state, "not_an_import", text, "actor", role="importer")


def reply_to_case(state: CaseState) -> Refusal:
    """Return the refusal of a reply to a report that is in a case: its answer is the case's, once it is closed."""
    text = Bilingual(
        "Only a report that was noted without a case is replied to.", "只有登记而未立案的上报才能单独答复。"
    )
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def calendar_exhausted(state: CaseState, covers: Bilingual) -> Refusal:
    """Return the refusal of an action whose limit the working calendar does not cover."""
    return build_refusal(state, "calendar_ended", covers)


def unknown_case(case_id: str) -> Refusal:
    """Return the refusal of an action on a case that does not exist."""
    return Refusal(
        code="unknown_case", field="case_id", message=f"There is no case {case_id}.", message_zh=f"没有案件 {case_id}。"
    )


def action_name_en(kind: str) -> str:
    """Return an action's English name as it stands in a sentence; that of an unknown one is its kind."""
    names = ACTION_NAMES.get(kind)
    return names.en.lower() if names else kind


def action_name_zh(kind: str) -> str:
    """Return an action's Chinese name; that of an unknown one is its kind in quotes."""
    names = ACTION_NAMES.get(kind)
    return names.zh if names else f"“{kind}”"


def _listed_en(kinds: Sequence[ActionKind]) -> str:
    *former, last = map(action_name_en, kinds)
    return f"{', '.join(former)} or {last}" if former else last


def _listed_zh(kinds: Sequence[ActionKind]) -> str:
    return "、".join(ACTION_NAMES[kind].zh for kind in kinds)


def _build_allowed_text(status: Status, role: ActorRole | None, *, past: bool) -> Bilingual:
    allowed = [kind for kind in ALLOWED_ACTIONS[status] if kind != ("correct" if past else "amend")]
    own = [kind for kind in allowed if role is None or kind in ROLE_ACTIONS[role]]
    others = [kind for kind in allowed if kind not in own]
    who = Bilingual("one", "各岗位") if role is None else Bilingual("you", "贵方")
    yours = (
        Bilingual(f"{who.en} may now {_listed_en(own)}", f"{who.zh}现在可以{_listed_zh(own)}")
        if own
        else Bilingual(f"there is nothing that {who.en} may do with it now", f"{who.zh}现在没有可办理的操作")
    )
    rest = (
        Bilingual(f"; others may {_listed_en(others)}", f"；其他岗位可以{_listed_zh(others)}")
        if others
        else Bilingual("", "")
    )
    names = STATUS_NAMES[status]
    return Bilingual(f"The case is {names.en}: {yours.en}{rest.en}.", f"案件现为“{names.zh}”，{yours.zh}{rest.zh}。")


_ALLOWED_TEXTS: Final = MappingProxyType(
    {
        (status, role, past): _build_allowed_text(status, role, past=past)
        for status in get_args(Status)
        for role in (None, *get_args(ActorRole))
        for past in (False, True)
    }
)
