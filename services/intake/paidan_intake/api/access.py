"""Who may see, hand out or destroy personal data, for which reason, and within which bounds. No I/O."""

from collections.abc import Collection
from typing import Final, NamedTuple

from paidan_chassis.edge.problems import Problem
from paidan_contracts.case_access import barred_units, lies_within_bounds
from paidan_contracts.city import City
from paidan_contracts.scopes import Grants
from paidan_intake.vault_entries import CaseBounds, VaultEntry

_MIN_LETTERS: Final = 4
_MIN_DIFFERENT: Final = 3


class AccessRefusal(NamedTuple):
    """Why a request for personal data is refused."""

    status: int
    code: str
    message: str
    message_zh: str
    field: str | None = None

    def problem(self) -> Problem:
        """Return it as the response to a request."""
        return Problem(self.status, self.code, self.message, self.message_zh, self.field)


_FORBIDDEN: Final = AccessRefusal(
    403,
    "forbidden",
    "the key needs the role caller, operator or privacy_officer for this",
    "该密钥缺少 caller、operator 或 privacy_officer 角色",
)
_NOT_OFFICER: Final = AccessRefusal(
    403, "forbidden", "the key needs the role privacy_officer for this", "该密钥缺少 privacy_officer 角色"
)
_CONFIDENTIAL: Final = AccessRefusal(
    403, "confidential", "the report is confidential: the key needs the role privacy_officer besides",
    "该上报已标记保密：密钥还须具有 privacy_officer 角色",
)  # fmt: skip
_NO_CALL: Final = AccessRefusal(
    403, "no_call_waiting", "no call to this reporter is due; an operator may look, for a reason",
    "该上报人当前无待回访任务；如确有需要，由 operator 注明理由查看",
)  # fmt: skip
_NO_REASON: Final = AccessRefusal(
    422, "invalid", f"say in words what it is needed for, in at least {_MIN_LETTERS} letters or characters",
    f"请具体说明用途，至少 {_MIN_LETTERS} 个字", "reason",
)  # fmt: skip
_BOUNDED: Final = AccessRefusal(
    403, "bounded_post", "a post of some classes or places may neither hand out nor destroy personal data",
    "限定类别或地点的岗位不得导出或删除个人信息",
)  # fmt: skip
_UNKNOWN_BOUNDS: Final = AccessRefusal(
    403, "bounded_post", "its class and place are not known: a post of some classes or places may not look",
    "其类别和地点未知：限定类别或地点的岗位不得查看",
)  # fmt: skip
_BEYOND_BOUNDS: Final = AccessRefusal(
    404, "not_found", "there is no such thing, or it is not yours", "不存在，或不属于您"
)
_OWN_COMPLAINT: Final = AccessRefusal(
    403, "own_complaint", "it complains of your unit, or of one above or below it: others may look",
    "本件投诉贵单位或其上下级单位，须由其他单位人员查看",
)  # fmt: skip
_UNKNOWN_UNITS: Final = AccessRefusal(
    503, "unavailable", "the units of its city are not known now: try again", "暂时无法确认该城市的单位关系，请稍后重试"
)
_BLANK_REASON: Final = AccessRefusal(422, "invalid", "the reason is blank", "理由不能为空白", "reason")


def refuse_reveal(grants: Grants, entry: VaultEntry, reason: str) -> AccessRefusal | None:
    """Return why a key may not see a report's person; None: it may."""
    if not grants.has_role("caller", "operator"):
        return _FORBIDDEN
    if (refusal := refuse_beyond_bounds(grants, [entry.bounds] if entry.bounds else [])) is not None:
        return refusal
    if entry.binding.confidential and not grants.has_role("privacy_officer"):
        return _CONFIDENTIAL
    if grants.has_role("caller") and entry.awaits_callback:
        return None if any(each.isalnum() for each in reason) else _BLANK_REASON
    if not grants.has_role("operator"):
        return _NO_CALL if any(each.isalnum() for each in reason) else _BLANK_REASON
    return refuse_reason(reason)


def refuse_own_complaint(grants: Grants, entry: VaultEntry, city: City | None) -> AccessRefusal | None:
    """Return why somebody of the unit complained of, or of a relative, may not see who complains; None: they may."""
    own = {each for each in (grants.member, grants.department) if each is not None}
    if entry.complained_of is None or not own:
        return None
    if city is None:
        return _UNKNOWN_UNITS
    return None if barred_units(entry.complained_of, city).isdisjoint(own) else _OWN_COMPLAINT


def refuse_beyond_bounds(grants: Grants, cases: Collection[CaseBounds]) -> AccessRefusal | None:
    """Return why a bounded post may not see what belongs to these cases; None: it may, or has no bounds.

    Beyond its bounds there is nothing, as everywhere. Without a case whose class and place are known, it is told so.
    """
    if not grants.is_bounded:
        return None
    if not cases:
        return _UNKNOWN_BOUNDS
    is_within = any(lies_within_bounds(grants, each.class_code, each.places) for each in cases)
    return None if is_within else _BEYOND_BOUNDS


def refuse_reason(reason: str) -> AccessRefusal | None:
    """Return a refusal of a reason without substance: blanks, punctuation, one letter again and again."""
    letters = [each for each in reason if each.isalnum()]
    return None if len(letters) >= _MIN_LETTERS and len(set(letters)) >= _MIN_DIFFERENT else _NO_REASON


def refuse_officer(grants: Grants) -> AccessRefusal | None:
    """Return why a key may not export or erase personal data; None: it may."""
    if not grants.has_role("privacy_officer"):
        return _NOT_OFFICER
    return _BOUNDED if grants.is_bounded else None
