"""The names of actions, states, roles and values in English and Chinese, as refusals and forms show them."""

from types import MappingProxyType
from typing import Final

from paidan_contracts.department_actions import ReturnCode
from paidan_contracts.state import Status
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.guards import ActorRole

STATUS_NAMES: Final[MappingProxyType[Status, Bilingual]] = MappingProxyType(
    {
        "received": Bilingual("awaiting verification", "待核实"),
        "filed": Bilingual("awaiting a department", "已立案待派遣"),
        "dispatched": Bilingual("dispatched, not accepted yet", "已派遣待签收"),
        "handling": Bilingual("in work", "处置中"),
        "suspended": Bilingual("suspended", "挂账"),
        "inspecting": Bilingual("awaiting inspection", "待核查"),
        "closed": Bilingual("closed", "已结案"),
        "not_accepted": Bilingual("not accepted", "不予受理"),
        "voided": Bilingual("voided", "已作废"),
    }
)
ACTION_NAMES: Final[MappingProxyType[str, Bilingual]] = MappingProxyType(
    {
        "verify": Bilingual("Verify", "核实"),
        "file": Bilingual("File", "立案"),
        "assign": Bilingual("Assign", "派遣"),
        "redispatch": Bilingual("Redispatch", "重派"),
        "accept": Bilingual("Accept", "签收"),
        "return": Bilingual("Return", "退单"),
        "finish": Bilingual("Finish", "处置完成"),
        "inspect": Bilingual("Inspect", "核查"),
        "call_back": Bilingual("Call back", "回访"),
        "void": Bilingual("Void", "作废"),
        "urge": Bilingual("Urge", "催办"),
        "amend": Bilingual("Amend", "修正"),
        "reply": Bilingual("Reply", "答复"),
        "correct": Bilingual("Correct", "更正"),
        "note": Bilingual("Note", "备注"),
        "hand_on": Bilingual("Hand on", "二级派遣"),
        "confirm": Bilingual("Confirm", "确认处置"),
        "ask_extension": Bilingual("Ask for an extension", "延期"),
        "ask_suspension": Bilingual("Ask for suspension", "挂账"),
        "resume": Bilingual("Resume", "恢复"),
        "review": Bilingual("Decide on the request", "审批"),
        "set_limit": Bilingual("Set the time limit", "限时"),
        "plan_step": Bilingual("Add a step to the plan", "制定整改步骤"),
        "finish_step": Bilingual("Tick off a step", "完成整改步骤"),
        "adjudicate": Bilingual("Adjudicate", "审定"),
        "co_handle": Bilingual("Handle jointly", "协办"),
        "escalate": Bilingual("Escalate", "督办"),
        "end_escalation": Bilingual("End an escalation", "解除督办"),
        "appeal": Bilingual("Appeal", "申诉"),
        "assign_verification": Bilingual("Give the verification to a patrol", "派发核实"),
        "cannot_verify": Bilingual("Cannot be verified", "无法核实"),
        "plan_construction": Bilingual("Put into the construction plan", "列入建设计划"),
        "strike_off": Bilingual("Strike off as built", "建成销号"),
        "settle": Bilingual("Settle on the spot", "自行处置"),
        "declare_emergency": Bilingual("Declare an emergency or an event", "启动应急响应或活动保障"),
        "end_emergency": Bilingual("End an emergency or an event", "终止应急响应或活动保障"),
        "force_close": Bilingual("Force close", "强制结案"),
    }
)
"""Of every kind of action that the contract has."""
ROLE_NAMES: Final[MappingProxyType[ActorRole, Bilingual]] = MappingProxyType(
    {
        "department": Bilingual("a department", "责任单位"),
        "inspector": Bilingual("an inspector", "核查员"),
        "caller": Bilingual("a caller", "回访员"),
        "operator": Bilingual("an operator", "派遣员"),
        "importer": Bilingual("an import", "历史数据导入"),
        "source": Bilingual("a source", "上报来源"),
    }
)
REQUEST_NAMES: Final[MappingProxyType[str, Bilingual]] = MappingProxyType(
    {
        "extension": Bilingual("extension", "延期"),
        "suspension": Bilingual("suspension", "挂账"),
        "appeal": Bilingual("appeal", "申诉"),
    }
)
RETURN_CODE_NAMES: Final[MappingProxyType[ReturnCode, Bilingual]] = MappingProxyType(
    {
        "not_our_area": Bilingual("Not our area", "属地不符"),
        "not_our_duty": Bilingual("Not our duty", "职能不符"),
        "owner_unclear": Bilingual("The owner is unclear", "权属不清"),
        "duplicate": Bilingual("A duplicate", "重复"),
        "other": Bilingual("Other", "其他"),
    }
)
