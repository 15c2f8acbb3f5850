"""核实: to which patrol a verification is given, and the clock of its task."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from paidan_contracts.actions import Actor
from paidan_contracts.city.escalation import post_concerns
from paidan_contracts.city.posts import DUTIES, Post
from paidan_contracts.city.verification import VerificationPolicy
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState, StageClock
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_contracts.verifications import AnyVerificationAnswer, Verification
from paidan_dispatch.cases.case_state import clocks_ended
from paidan_dispatch.cases.complaints import is_barred
from paidan_dispatch.cases.policy import CityPolicy

_new_verification: Final = unvalidated_constructor(Verification)
_new_clock: Final = unvalidated_constructor(StageClock)


def running_clock(state: CaseState) -> StageClock | None:
    """Return the clock of the verification that a case awaits; None where it awaits none, or no clock could be set."""
    last = state.clocks[-1] if state.clocks else None
    return last if last is not None and last.kind == "verify" and last.ended_at is None else None


def running_task(state: CaseState) -> Verification | None:
    """Return the verification of a case that was given to a post, and that it has not answered."""
    clock = running_clock(state) if state.status == "received" else None
    task = clock.verification if clock is not None else None
    return task if task is not None and task.post is not None and task.answer is None else None


def with_first_verification(state: CaseState, report: ReportReceived, rule: str, policy: CityPolicy) -> CaseState:
    """Return a case that awaits verification with the receipt of why, given to the pack's first patrol for it."""
    clock, terms = running_clock(state), policy.city.pack.verification
    if clock is None or terms is None:
        return state
    post = next_post(state, policy)
    first = _new_verification(required_by=policy.rule_ref(rule), camera=report.camera, post=post)
    changed = replace_unvalidated(clock, verification=first)
    due_at = policy.end_of(terms.limit, clock.began_at) if post is not None else None
    if due_at is not None:
        changed = replace_unvalidated(changed, due_at=due_at, warn_at=policy.warn_at(clock.began_at, due_at))
    return replace_unvalidated(state, clocks=(*state.clocks[:-1], changed))


def task_deadline(at: datetime, policy: CityPolicy) -> datetime:
    """Return the end of the limit of a task that is given now. Raises ``CalendarExhausted``."""
    terms = policy.city.pack.verification
    return policy.deadline(at, terms.limit if terms and terms.limit else policy.city.clocks.verify)


def clocks_given(
    state: CaseState, post: str, by: Actor | None, at: datetime, policy: CityPolicy
) -> tuple[StageClock, ...]:
    """Return a case's clocks with the task given to a post: the running clock ends, and one of its own begins."""
    running = running_clock(state)
    before = running.verification if running is not None else None
    task = _new_verification(
        required_by=before.required_by if before else None,
        camera=before.camera if before else None,
        post=post,
        given_by=by,
    )
    due_at, number = task_deadline(at, policy), 1 + sum(each.kind == "verify" for each in state.clocks)
    begun = _new_clock(
        kind="verify",
        number=number,
        began_at=at,
        due_at=due_at,
        warn_at=policy.warn_at(at, due_at),
        verification=task,
    )
    return (*clocks_ended(state, at), begun)


def clocks_answered(
    state: CaseState, answer: AnyVerificationAnswer, at: datetime, policy: CityPolicy
) -> tuple[StageClock, ...]:
    """Return a case's clocks with the verification answered; where nobody could tell, that of another one begins."""
    running = running_clock(state)
    before = running.verification or _new_verification() if running is not None else _new_verification()
    answered = replace_unvalidated(before, answer=answer)
    clocks = (*state.clocks[:-1], replace_unvalidated(running, verification=answered)) if running else state.clocks
    if answer != "cannot_tell":
        return clocks
    ended = clocks_ended(replace_unvalidated(state, clocks=clocks), at)
    due_at, number = policy.stage_deadline("verify", at), 1 + sum(each.kind == "verify" for each in clocks)
    if due_at is None:
        return ended
    again = _new_verification(required_by=before.required_by, camera=before.camera)
    warn_at = policy.warn_at(at, due_at)
    begun = _new_clock(kind="verify", number=number, began_at=at, due_at=due_at, warn_at=warn_at, verification=again)
    return (*ended, begun)


def next_post(state: CaseState, policy: CityPolicy) -> str | None:
    """Return the pack's next patrol for a case's place and class that has not been asked; None where there is none."""
    terms = policy.city.pack.verification
    if terms is None:
        return None
    asked = {each.verification.post for each in state.clocks if each.verification is not None}
    return next((each.id for each in _patrols(state, terms, policy) if each.id not in asked), None)


def may_verify(post: Post, state: CaseState, policy: CityPolicy) -> bool:
    """Return whether a case's verification may be given to a post: a patrol's, within its bounds, not complained of."""
    may = policy.city.duty_actions.get(post.duty)
    is_patrol = DUTIES[post.duty].is_patrol and (may is None or "verify" in may)
    judges_own = post.department is not None and is_barred(state, post.department, policy.city)
    return is_patrol and not judges_own and post_concerns(post, state.class_code, state.place)


def _patrols(state: CaseState, terms: VerificationPolicy, policy: CityPolicy) -> Iterator[Post]:
    """Yield the posts of the pack's duties that may verify a case, the nearest to its place first in each duty."""
    place, posts = state.place, policy.city.posts
    grid = policy.city.geography.work_grid_of(place.street, place.community)
    in_grid = frozenset(grid.posts) if grid is not None else frozenset()
    for duty in terms.duties:
        found = [each for each in posts.values() if each.duty == duty and may_verify(each, state, policy)]
        yield from sorted(found, key=lambda each: (each.id not in in_grid, each.places is None))
