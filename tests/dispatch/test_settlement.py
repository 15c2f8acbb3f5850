"""自行处置: what a patrol settles on the spot is handled, by whom is known, and others inspect it, if at all."""

import pytest

from paidan_contracts.actions import Inspect
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.settlement_events import CaseSettled
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.guards import ActionEvidence, ProofPhoto
from paidan_dispatch.cases.orders import order_events
from paidan_dispatch.cases.policy import CityPolicy
from paidan_scoring.case_events import ScoringState
from paidan_scoring.fact_bits import FACT_BIT
from paidan_scoring.facts import assignment_facts, last_assignment_facts
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    case_after,
    decide_action,
    opened_case,
    types,
)
from tests.dispatch.sample_pack import pack_document, policy_of
from tests.dispatch.verified_cases import PATROLS, VERIFICATION, unverified

AFTER = "d" * 64 + ".jpg"
PERSON = "10000000-0000-4000-8000-000000000009"
SWEPT = Settle(text="swept", proof=(AFTER,))


def policy_of_patrols(**terms: object) -> CityPolicy:
    settlement = {"duties": ["steward"], "classes": ["E01*"]} | terms
    return policy_of(pack_document() | {"posts": PATROLS, "verification": VERIFICATION, "settlement": settlement})


POLICY, INSPECTED = policy_of_patrols(), policy_of_patrols(inspected=True)


def settled(
    policy: CityPolicy,
    action: Settle = SWEPT,
    *,
    source: str = "hotline",
    post: str = "steward",
    class_code: str = "E0110",
) -> Progressed | Refused:
    report = build_report(source=source, class_code=class_code, photos=["e" * 64 + ".jpg"])
    state = opened_case(report, policy=policy)
    evidence = ActionEvidence([ProofPhoto(AFTER, state.case_id, "inspector:ivy", at_minute(3))])
    context = ActionContext(minutes=5, post=post, person=PERSON, evidence=evidence)
    return decide_action(state, action, context, policy=policy)


def test_patrol_that_reports_and_settles_at_once_has_handled_it() -> None:
    result = settled(POLICY)

    assert isinstance(result, Progressed)
    assert types(result) == ["settled"]
    after, event = result.after, result.events[0]
    assert isinstance(event, CaseSettled)
    assert (after.status, after.answer, event.proof, event.department) == ("closed", "swept", (AFTER,), "north")
    settled_by = after.assignments[-1].settled_by
    assert settled_by is not None
    assert (settled_by.post, settled_by.person) == ("steward", PERSON)


def test_it_counts_in_the_handled_rate() -> None:
    """处置率 = 处置数 / 应处置数: collector fixes on the spot, still counted."""
    result = settled(POLICY)
    assert isinstance(result, Progressed)
    state = ScoringState.model_validate_json(result.after.model_dump_json())

    facts = assignment_facts(state.assignments[-1]) | last_assignment_facts(state.assignments[-1], state)

    assert all(facts & FACT_BIT[each] for each in ("dispatched", "handled", "on_time"))
    assert not facts & FACT_BIT["overdue"]


def test_verifying_patrol_settles_what_it_finds() -> None:
    """What is settled was true: the task is answered, and the department of the rules is counted."""
    result = settled(POLICY, source="app")

    assert isinstance(result, Progressed)
    assert types(result) == ["verification_answered", "filed", "dispatched", "settled"]
    assert result.after.clocks[0].verification is not None
    assert result.after.clocks[0].verification.answer == "true"


def test_department_is_told_that_nothing_is_left_to_do() -> None:
    state = opened_case(policy=POLICY)
    result = settled(POLICY)
    assert isinstance(result, Progressed)

    assert [each.because for each in order_events(state, result.events, POLICY)] == ["settled"]  # type: ignore[attr-defined]


def test_somebody_else_inspects_it_where_the_pack_says_so_and_its_department_does_it_again() -> None:
    result = settled(INSPECTED)
    assert isinstance(result, Progressed)
    assert result.after.status == "inspecting"

    own = decide_action(result.after, Inspect(passed=True), ActionContext(minutes=9, person=PERSON), policy=INSPECTED)
    failed = case_after(result.after, Inspect(passed=False, reason="a heap"), actor="inspector:otto", policy=INSPECTED)

    assert isinstance(own, Refused)
    assert own.refusal.code == "doer_may_not_inspect"
    assert (failed.status, failed.department, failed.round) == ("handling", "north", 2)


def test_photo_of_what_was_found_does_not_show_that_it_is_settled() -> None:
    state = opened_case(build_report(source="app"), policy=POLICY)
    found = ProofPhoto(AFTER, state.case_id, "inspector:ivy", at_minute(3), used_in=state.case_id, used_round=1)
    context = ActionContext(minutes=5, post="steward", person=PERSON, evidence=ActionEvidence([found]))

    result = decide_action(state, SWEPT, context, policy=POLICY)

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("photo_used", "action.proof")


def test_key_without_a_person_does_not_inspect_its_own_work_either() -> None:
    state = case_after(opened_case(policy=INSPECTED), SWEPT, actor="inspector:ivy", policy=INSPECTED)

    result = decide_action(state, Inspect(passed=True), ActionContext(minutes=9), policy=INSPECTED)

    assert isinstance(result, Refused)
    assert result.refusal.code == "doer_may_not_inspect"


@pytest.mark.parametrize(("member", "code"), [("south", "doer_may_not_inspect"), ("roads", None)])
def test_patrols_unit_does_not_inspect_what_it_settled(member: str, code: str | None) -> None:
    """Neither the patrol's department nor the case's; the other inspects."""
    state = opened_case(policy=INSPECTED)
    evidence = ActionEvidence([ProofPhoto(AFTER, state.case_id, "inspector:ivy", at_minute(3))])
    patrol = ActionContext(minutes=5, actor="inspector:ivy", person=PERSON, member="south", evidence=evidence)
    settled = decide_action(state, SWEPT, patrol, policy=INSPECTED)
    assert isinstance(settled, Progressed)
    assert settled.after.department == "north"

    colleague = ActionContext(minutes=9, actor="inspector:otto", person=PERSON.replace("9", "8"), member=member)
    result = decide_action(settled.after, Inspect(passed=True), colleague, policy=INSPECTED)

    assert (result.refusal.code if isinstance(result, Refused) else None) == code


@pytest.mark.parametrize(
    ("policy", "action", "changes", "code"),
    [
        (POLICY, Settle(text="swept"), {}, "proof_missing"),
        (POLICY, Settle(proof=("e" * 64 + ".jpg",)), {}, "unknown_photo"),
        (POLICY, SWEPT, {"post": "volunteer"}, "not_your_duty"),
        (POLICY, SWEPT, {"class_code": "E0505"}, "not_allowed_in_state"),
        (
            POLICY,
            SWEPT,
            {"post": "north-eye", "source": "app"},
            "not_your_task",
        ),
        (policy_of(pack_document() | {"settlement": None}), SWEPT, {}, "not_allowed_in_state"),
    ],
    ids=["no photo", "the photo of before", "another duty", "another class", "another's task", "no terms"],
)
def test_settling_is_refused(policy: CityPolicy, action: Settle, changes: dict[str, str], code: str) -> None:
    result = settled(policy, action, **changes)

    assert isinstance(result, Refused)
    assert result.refusal.code == code
    assert result.refusal.message_zh


def test_what_no_rule_places_is_assigned_first() -> None:
    state = unverified(policy_of_patrols(classes=None), class_code="E9999")

    result = decide_action(state, Settle(), policy=policy_of_patrols(classes=None, photo=False))

    assert isinstance(result, Refused)
    assert result.refusal.field == "action.kind"
