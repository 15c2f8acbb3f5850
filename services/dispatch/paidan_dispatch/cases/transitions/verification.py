"""核实 before filing: the task is given to a patrol, which answers whether the problem exists or cannot tell."""

from typing import Final, Literal

from paidan_contracts.actions import Actor, Verify
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseNotAccepted
from paidan_contracts.nearest import nearest
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_contracts.verification_actions import AssignVerification, CannotVerify
from paidan_contracts.verification_events import CaseVerificationAnswered, CaseVerificationAssigned
from paidan_dispatch.cases import answers
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import ActResult, Provenance, event_fields, next_state
from paidan_dispatch.cases.patrols import clocks_answered, clocks_given, may_verify, next_post, running_clock
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.refusals import build_refusal
from paidan_dispatch.cases.transitions.filing import ended_fields, file_and_route

_new_assigned: Final = unvalidated_constructor(CaseVerificationAssigned)
_new_answered: Final = unvalidated_constructor(CaseVerificationAnswered)
_new_not_accepted: Final = unvalidated_constructor(CaseNotAccepted)


def assign_verification(
    state: CaseState, action: AssignVerification, provenance: Provenance, policy: CityPolicy
) -> ActResult:
    """派发核实: a patrol is to verify the report; the clock of the task begins, and that before it ends."""
    if state.past:
        return _only_running(state)
    post = _post_to_ask(state, action, policy)
    if isinstance(post, Refusal):
        return post
    clocks = clocks_given(state, post, provenance.actor, provenance.recorded_at, policy)
    after = next_state(state, provenance, clocks=clocks)
    due_at = clocks[-1].due_at
    return [_new_assigned(**event_fields(after, provenance), post=post, due_at=due_at, reason=action.reason)]


def verify(state: CaseState, action: Verify, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """核实: file and route a verified report; 不予受理: end the case of one that is not."""
    refusal = _answer_refusal(state, action, provenance.actor, policy)
    if refusal is not None:
        return refusal
    found: list[CaseEvent] = []
    if _is_told(state, action):
        found = [_answered(state, action, "true" if action.verified else "not_true", provenance, policy)]
        state = found[-1].state
    if action.verified:
        return [*found, *file_and_route(state, provenance, policy, action.reason)]
    answer, ended = action.answer or answers.NOT_ACCEPTED, ended_fields(action.reason, provenance)
    after = next_state(state, provenance, status="not_accepted", answer=answer, **ended)
    return [*found, _new_not_accepted(**event_fields(after, provenance), reason=action.reason)]


def cannot_verify(state: CaseState, action: CannotVerify, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """无法核实: the patrol could not tell; the case goes on waiting, and the task can be given to another."""
    refusal = _only_running(state) if state.past else _answer_refusal(state, action, provenance.actor, policy)
    return refusal if refusal is not None else [_answered(state, action, "cannot_tell", provenance, policy)]


def _only_running(state: CaseState) -> Refusal:
    text = Bilingual("An imported past is not looked at on site.", "导入的历史案件不到现场核实。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")


def found_true(state: CaseState, provenance: Provenance, policy: CityPolicy) -> list[CaseEvent]:
    """Return the answer to a task that what was done implies: the problem exists."""
    clock = running_clock(state)
    if clock is None or clock.verification is None:
        return []
    return [_answered(state, Verify(verified=True), "true", provenance, policy)]


def _is_told(state: CaseState, action: Verify) -> bool:
    """Return whether an answer is a step of its own: of a task, or with what was seen on site."""
    clock = running_clock(state)
    return bool(action.proof) or action.latitude is not None or (clock is not None and clock.verification is not None)


def _answered(
    state: CaseState,
    action: Verify | CannotVerify,
    answer: Literal["true", "not_true", "cannot_tell"],
    provenance: Provenance,
    policy: CityPolicy,
) -> CaseVerificationAnswered:
    after = next_state(state, provenance, clocks=clocks_answered(state, answer, provenance.recorded_at, policy))
    return _new_answered(
        **event_fields(after, provenance),
        answer=answer,
        post=_post_asked(state),
        text=action.reason,
        proof=action.proof,
        latitude=action.latitude,
        longitude=action.longitude,
    )


def _post_asked(state: CaseState) -> str | None:
    clock = running_clock(state)
    return clock.verification.post if clock is not None and clock.verification is not None else None


def task_refusal(state: CaseState, actor: Actor, policy: CityPolicy) -> Refusal | None:
    """Return why a patrol may not act on what is another's task; None where it may."""
    asked = _post_asked(state)
    if asked is None or actor.post is None or actor.post == asked:
        return None
    post = policy.city.posts.get(asked)
    names = Bilingual(post.names.en, post.names.zh) if post else Bilingual(asked, asked)
    text = Bilingual(
        f"The verification was given to {names.en}: ask for it, or leave it to them.",
        f"本次核实已派给{names.zh}；如需核实请先申请改派。",
    )
    return build_refusal(state, "not_your_task", text, "actor", role="inspector")


def _answer_refusal(
    state: CaseState, action: Verify | CannotVerify, actor: Actor | None, policy: CityPolicy
) -> Refusal | None:
    """Return why a patrol may not answer so: the task is another's, or the pack asks for a photo. Others may."""
    terms = policy.city.pack.verification
    if actor is None or actor.kind != "inspector" or _post_asked(state) is None:
        return None
    if (refusal := task_refusal(state, actor, policy)) is not None:
        return refusal
    if terms is not None and terms.photo and not action.proof:
        text = Bilingual(
            "The city asks for a photo of what was found on site: 1 to 20 in proof.",
            "本市要求现场核实照片：proof 须有 1 至 20 张。",
        )
        return build_refusal(state, "proof_missing", text, "action.proof", role="inspector")
    return None


def _post_to_ask(state: CaseState, action: AssignVerification, policy: CityPolicy) -> str | Refusal:
    posts = policy.city.posts
    if action.post is None:
        found = next_post(state, policy)
        text = Bilingual(
            "The pack names no patrol for this place and class that was not asked: name a post.",
            "配置包中没有可派的、尚未派过的巡查岗位：请写明岗位。",
        )
        return found or build_refusal(state, "unknown_post", text, "action.post", role="operator")
    post = posts.get(action.post)
    if post is None:
        hint = nearest(action.post, posts)
        text = Bilingual(f"The city has no post {action.post}{hint.en}.", f"本市没有岗位 {action.post}{hint.zh}。")
        return build_refusal(state, "unknown_post", text, "action.post", role="operator")
    if not may_verify(post, state, policy):
        text = Bilingual(
            f"{post.names.en} does not verify cases of this place and class.",
            f"{post.names.zh}不负责该区域和类别的核实。",
        )
        return build_refusal(state, "not_your_place", text, "action.post", role="operator")
    return post.id
