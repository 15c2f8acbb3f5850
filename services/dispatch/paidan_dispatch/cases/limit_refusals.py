"""The wording of refusals of actions on time limits, in English and in Chinese."""

from datetime import datetime

from paidan_contracts.city.posts import DUTIES
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.names import REQUEST_NAMES
from paidan_dispatch.cases.refusals import action_name_zh, build_refusal


def not_in_this_city(state: CaseState, kind: str) -> Refusal:
    """Return the refusal of an action for which the city's pack has no terms."""
    text = Bilingual(f"This city has no rules for {kind} in its pack.", f"本市城市包未规定“{action_name_zh(kind)}”。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def no_clock_of_the_past(state: CaseState) -> Refusal:
    """Return the refusal of an action on the time limits of an imported past, of which none runs."""
    text = Bilingual("No clock runs for an imported past.", "导入的历史案件不计时限。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def reason_missing(state: CaseState, kind: str) -> Refusal:
    """Return the refusal of an action without the reason that it needs."""
    text = Bilingual(
        f"The action {kind} needs a reason of 1 to 1000 characters.",
        f"{action_name_zh(kind)}须填写理由，1 至 1000 字。",
    )
    return build_refusal(state, "reason_missing", text, "action.reason")


def already_pending(state: CaseState, kind: str) -> Refusal:
    """Return the refusal of a request while another one waits."""
    names = REQUEST_NAMES[kind]
    text = Bilingual(
        f"A request for {names.en} waits for a decision: no other one can be made.",
        f"已有{names.zh}申请待审批，不可再次申请。",
    )
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def nothing_pending(state: CaseState) -> Refusal:
    """Return the refusal of a decision where no request waits for one."""
    text = Bilingual("No request waits for a decision.", "没有待审批的申请。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def not_your_step(state: CaseState, duty: str) -> Refusal:
    """Return the refusal of a decision by somebody of another duty than decides now."""
    known = (Bilingual(each.names.en, each.names.zh) for name, each in DUTIES.items() if name == duty)
    names = next(known, Bilingual(duty, duty))
    text = Bilingual(f"This step is decided by: {names.en}.", f"本步骤由“{names.zh}”审批。")
    return build_refusal(state, "not_your_role", text, "actor")


def decided_before(state: CaseState) -> Refusal:
    """Return the refusal of a decision by somebody who asked for it, or who decided on it before."""
    text = Bilingual(
        "Who asked for it, or decided on it before, may not take this step.", "申请人或已审批过的人员不得再行审批。"
    )
    return build_refusal(state, "not_your_role", text, "actor")


def no_limit(state: CaseState) -> Refusal:
    """Return the refusal of an extension where there is no limit."""
    text = Bilingual("The case has no time limit that could be extended.", "本案没有可延长的处置时限。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def overdue_already(state: CaseState, due_at: datetime) -> Refusal:
    """Return the refusal of an extension once the limit is over."""
    end = due_at.isoformat(timespec="seconds")
    text = Bilingual(
        f"The limit ended at {end}: once overdue, it is not extended.", f"时限已于 {end} 届满，超期后不予延期。"
    )
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def extended_too_often(state: CaseState, times: int) -> Refusal:
    """Return the refusal of an extension after as many as the city grants."""
    text = Bilingual(f"It was extended {times} times, which is the most.", f"已延期 {times} 次，达到上限。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def resume_date(state: CaseState, days: int) -> Refusal:
    """Return the refusal of a suspension whose date is missing, past, or too far away."""
    text = Bilingual(
        f"A suspension needs a date on which the work goes on, within {days} days from now.",
        f"挂账须写明恢复日期，自即日起不超过 {days} 天。",
    )
    return build_refusal(state, "invalid_field", text, "action.resume_at")


def resume_date_passed(state: CaseState) -> Refusal:
    """Return the refusal to grant a suspension whose date is over."""
    text = Bilingual(
        "The date on which the work would go on is over: the request can only be rejected.",
        "申请的恢复日期已过，只能驳回。",
    )
    return build_refusal(state, "not_allowed_in_state", text, "action.approved")


def not_overdue(state: CaseState) -> Refusal:
    """Return the refusal of an appeal where nothing was late."""
    text = Bilingual("The case was not overdue: there is nothing to appeal against.", "本案未超期，无需申诉。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def appealed_before(state: CaseState) -> Refusal:
    """Return the refusal of a second appeal."""
    text = Bilingual("An appeal was decided already: there is one for each case.", "本案已申诉过，每案限申诉一次。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def appeal_too_late(state: CaseState, end: datetime) -> Refusal:
    """Return the refusal of an appeal after the time that the city allows for it."""
    at = end.isoformat(timespec="seconds")
    text = Bilingual(f"An appeal was possible until {at}.", f"申诉期限至 {at}，现已逾期。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def due_date(state: CaseState) -> Refusal:
    """Return the refusal of a limit that would end in the past."""
    text = Bilingual("The end of the limit must lie ahead.", "时限须晚于当前时间。")
    return build_refusal(state, "invalid_field", text, "action.due_at")


def step_beyond_limit(state: CaseState) -> Refusal:
    """Return the refusal of a planned step that would end after the case's own limit."""
    text = Bilingual(
        "A step ends ahead, and within the case's time limit: set a later limit first.",
        "整改步骤的期限须晚于当前时间，且不得晚于本案时限；请先另行限时。",
    )
    return build_refusal(state, "invalid_field", text, "action.due_at")


def too_many_steps(state: CaseState, most: int) -> Refusal:
    """Return the refusal of one step too many."""
    text = Bilingual(f"A plan has at most {most} steps.", f"整改计划最多 {most} 步。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def no_open_step(state: CaseState) -> Refusal:
    """Return the refusal to tick off a step where none is open."""
    text = Bilingual("The plan has no open step.", "没有待完成的整改步骤。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def unknown_step(state: CaseState) -> Refusal:
    """Return the refusal to tick off a step that the plan does not have, or that is done."""
    text = Bilingual("The plan has no open step of this number.", "没有此编号的待完成步骤。")
    return build_refusal(state, "invalid_field", text, "action.step")
