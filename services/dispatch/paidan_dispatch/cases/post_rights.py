"""Which actions a person's post may take: the city's pack says it by the post's duty."""

from paidan_contracts.city import City
from paidan_contracts.city.posts import DUTIES, PostDuty
from paidan_contracts.outcomes import Refusal
from paidan_contracts.record_actions import Correct
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import ASSIGNED_STATUSES
from paidan_dispatch.cases.guards import ROLE_ACTIONS
from paidan_dispatch.cases.refusals import action_name_en, action_name_zh, build_refusal


def duty_refusal(state: CaseState, kind: str, post_id: str, city: City) -> Refusal | None:
    """Return the refusal of an action that is not the post's duty in this city; it names the duties whose it is.

    A post that the pack does not have is bounded by its scope alone, as a key is.
    """
    post = city.posts.get(post_id)
    may = city.duty_actions.get(post.duty) if post is not None else None
    if post is None or may is None or kind in may:
        return None
    others = _duties_with(kind, city)
    text = Bilingual(
        f"{post.names.en} may not {action_name_en(kind)} in this city; who may: {others.en}.",
        f"{post.names.zh}在本市无权进行{action_name_zh(kind)}；有权的岗位：{others.zh}。",
    )
    return build_refusal(state, "not_your_duty", text, "actor")


def correction_refusal(state: CaseState, action: Correct, post_id: str, city: City) -> Refusal | None:
    """Return the refusal of a correction that does what is another action's, and no duty of the post: 立案, 派遣."""
    filed_by_hand = action.class_code is not None or action.row_id is not None
    if filed_by_hand and (refusal := duty_refusal(state, "file", post_id, city)):
        field = "action.row_id" if action.row_id is not None else "action.class_code"
        return replace_unvalidated(refusal, field=field)
    if action.department is None:
        return None
    kind = "redispatch" if state.status in ASSIGNED_STATUSES else "assign"
    refusal = duty_refusal(state, kind, post_id, city)
    return replace_unvalidated(refusal, field="action.department") if refusal is not None else None


def _duties_with(kind: str, city: City) -> Bilingual:
    duties = {each.duty for each in city.posts.values() if kind in _actions_of(each.duty, city)}
    names = [DUTIES[duty].names for duty in DUTIES if duty in duties]
    return Bilingual(", ".join(each.en for each in names) or "nobody", "、".join(each.zh for each in names) or "无")


def _actions_of(duty: PostDuty, city: City) -> frozenset[str]:
    """Return what a duty may do: what the city says, else all that its scope allows."""
    _, _, role = DUTIES[duty].scope.removesuffix(":{department}").rpartition(":")
    granted = frozenset[str]().union(*(kinds for each, kinds in ROLE_ACTIONS.items() if each == role))
    return city.duty_actions.get(duty, granted)
