"""核实 as a patrol's task: to whom it is given, what is answered, when it is overdue, and who needs it at all."""

from typing import Any

import pytest

from paidan_contracts.actions import Action, Verify
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.verification_actions import AssignVerification, CannotVerify
from paidan_contracts.verification_events import CaseVerificationAnswered
from paidan_dispatch.cases.decide import Progressed, Refused, expire_timer
from paidan_dispatch.cases.guards import ActionEvidence, ProofPhoto
from paidan_dispatch.cases.reports import distrusted_by
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.cases.trust import CameraRecord, CameraRecords
from paidan_dispatch.inbox import camera_records
from paidan_dispatch.inbox.case_rows import answers_of
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    build_request,
    case_after,
    decide_action,
    opened_case,
    timer_due,
    types,
)
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of
from tests.dispatch.units import UNITS
from tests.dispatch.verified_cases import PATROLS, VERIFICATION, policy_with_patrols, task_of, unverified

PHOTO = "b" * 64 + ".jpg"
POLICY = policy_with_patrols()


def answered(action: Action, *, post: str | None = "steward", minutes: float = 5) -> Progressed | Refused:
    state = unverified(POLICY)
    photo = ProofPhoto(PHOTO, state.case_id, "inspector:ivy", at_minute(1))
    context = ActionContext(minutes=minutes, post=post, evidence=ActionEvidence([photo]))
    return decide_action(state, action, context, policy=POLICY)


def test_task_is_given_to_the_first_patrol_of_the_place_and_class() -> None:
    clock = task_of(unverified(POLICY))

    assert clock.verification is not None
    assert (clock.verification.post, clock.verification.given_by) == ("steward", None)
    assert clock.verification.required_by == POLICY.rule_ref("source")
    assert clock.due_at == at_minute(20)


def test_row_says_whose_task_it_is_until_that_is_answered() -> None:
    """Lists find a patrol's tasks by the row; a task that nobody has, or that was answered, is in none."""
    given = unverified(POLICY)

    assert answers_of(given) == " verifier=steward "
    unsure = case_after(given, CannotVerify(reason="fenced off", proof=(PHOTO,)), actor="inspector:ivy", policy=POLICY)
    assert (unsure.status, answers_of(unsure)) == ("received", None)
    assert answers_of(case_after(unsure, AssignVerification(post="volunteer"), policy=POLICY)) == " verifier=volunteer "
    assert (
        answers_of(case_after(given, Verify(verified=True, proof=(PHOTO,)), actor="inspector:ivy", policy=POLICY))
        is None
    )
    assert answers_of(opened_case(build_report(source="app"))) is None


def test_national_limit_is_half_an_hour_of_all_hours() -> None:
    """核实 30 min, continuous clock time: by night as by day."""
    policy = policy_with_patrols(limit={"amount": 30, "unit": "urgent_minute"})

    clock = task_of(unverified(policy, minutes=14 * 60))

    assert clock.due_at == at_minute(14 * 60 + 30)


def test_pack_without_terms_gives_nothing_and_answers_as_before() -> None:
    state = opened_case(build_report(source="app"))
    verified = decide_action(state, Verify(verified=True))

    assert state.clocks[-1].verification is None
    assert types(verified) == ["filed", "dispatched"]


@pytest.mark.parametrize(
    ("action", "status", "events"),
    [
        (Verify(verified=True, proof=(PHOTO,)), "dispatched", ["verification_answered", "filed", "dispatched"]),
        (
            Verify(verified=False, reason="nothing there", proof=(PHOTO,)),
            "not_accepted",
            ["verification_answered", "not_accepted"],
        ),
        (CannotVerify(reason="the gate is locked", proof=(PHOTO,)), "received", ["verification_answered"]),
    ],
    ids=["true", "not true", "cannot tell"],
)
def test_patrol_answers(action: Action, status: str, events: list[str]) -> None:
    result = answered(action)

    assert isinstance(result, Progressed)
    assert (result.after.status, types(result)) == (status, events)
    answer = result.events[0]
    assert isinstance(answer, CaseVerificationAnswered)
    assert (answer.post, answer.proof) == ("steward", (PHOTO,))


def test_answer_says_where_it_was_found() -> None:
    result = answered(Verify(verified=True, proof=(PHOTO,), latitude=36.01, longitude=117.01))

    assert isinstance(result, Progressed)
    assert isinstance(result.events[0], CaseVerificationAnswered)
    assert result.events[0].latitude == 36.01


@pytest.mark.parametrize(
    ("action", "post", "code"),
    [
        (Verify(verified=True), "steward", "proof_missing"),
        (CannotVerify(reason="x"), None, "proof_missing"),
        (Verify(verified=True, proof=("c" * 64 + ".jpg",)), "steward", "unknown_photo"),
        (Verify(verified=True, proof=(PHOTO,)), "volunteer", "not_your_task"),
    ],
    ids=["without a photo", "cannot tell without a photo", "with another's photo", "another's task"],
)
def test_answer_is_refused(action: Action, post: str | None, code: str) -> None:
    result = answered(action, post=post)

    assert isinstance(result, Refused)
    assert result.refusal.code == code
    assert result.refusal.message_zh


def test_operator_verifies_by_telephone_without_a_photo() -> None:
    state = case_after(unverified(POLICY), Verify(verified=True), minutes=5, actor="operator:olga", policy=POLICY)

    assert state.status == "dispatched"


def test_overdue_task_is_given_to_another_with_a_limit_of_its_own() -> None:
    state = unverified(POLICY)
    (timer,) = running_timers(state)
    late = expire_timer(state, timer_due(timer), POLICY)
    assert isinstance(late, Progressed)
    assert types(late) == ["clock_overdue"]

    given = case_after(late.after, AssignVerification(), minutes=40, policy=POLICY)

    assert [each.overdue_at for each in given.clocks] == [at_minute(20), None]
    again = task_of(given)
    assert again.verification is not None
    assert (again.verification.post, again.due_at, again.number) == ("north-eye", at_minute(60), 2)
    assert again.verification.given_by is not None
    assert again.verification.required_by == POLICY.rule_ref("source")


@pytest.mark.parametrize(
    ("post", "code"),
    [("nobody", "unknown_post"), ("far", "not_your_place"), ("desk", "not_your_place")],
)
def test_task_is_given_to_patrols_of_the_place_alone(post: str, code: str) -> None:
    result = decide_action(unverified(POLICY), AssignVerification(post=post), policy=POLICY)

    assert isinstance(result, Refused)
    assert result.refusal.code == code


def test_nobody_is_left_to_ask() -> None:
    state = unverified(POLICY)
    for minute in range(2):
        state = case_after(state, AssignVerification(), minutes=minute, policy=POLICY)
    result = decide_action(state, AssignVerification(), ActionContext(minutes=9), policy=POLICY)

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("unknown_post", "action.post")


@pytest.mark.parametrize(
    ("action", "record"),
    [
        (Verify(verified=True), [("camera", "pole 7", 1, 0)]),
        (Verify(verified=False, reason="a shadow"), [("camera", "pole 7", 1, 1)]),
        (Settle(text="swept"), [("camera", "pole 7", 1, 0)]),
        (CannotVerify(reason="locked"), []),
    ],
)
def test_what_a_patrol_finds_counts_in_the_cameras_record(action: Action, record: list[object]) -> None:
    """Settled on the spot it was true."""
    records = CameraRecords({})
    state = unverified(POLICY, source="camera", camera="pole 7", class_code="E0602", confidence=0.7)

    camera_records.judge(records, build_request(state, action), state, POLICY)

    assert list(records.changed()) == record


def test_what_was_verified_counts_once_in_the_cameras_record() -> None:
    records = CameraRecords({})
    waiting = unverified(POLICY, source="camera", camera="pole 7")
    verified = case_after(waiting, Verify(verified=True), actor="operator:olga", minutes=5, policy=POLICY)

    camera_records.judge(records, build_request(verified, Settle(text="swept")), verified, POLICY)

    assert list(records.changed()) == []


def test_patrol_of_the_department_complained_of_is_not_asked() -> None:
    policy = policy_with_patrols(duties=["steward"])
    state = unverified(policy, complained_of="north")

    given = decide_action(state, AssignVerification(), policy=policy)

    assert isinstance(given, Refused)


def test_patrol_of_a_unit_above_the_one_complained_of_is_not_asked_either() -> None:
    document = pack_document() | {"posts": PATROLS, "verification": VERIFICATION | {"duties": ["steward"]}}
    document["departments"] += UNITS
    policy = policy_of(document)

    given = decide_action(unverified(policy, complained_of="north-squad"), AssignVerification(), policy=policy)

    assert isinstance(given, Refused)


def test_who_could_not_tell_leaves_it_to_another() -> None:
    result = answered(CannotVerify(reason="the gate is locked", proof=(PHOTO,)))

    assert isinstance(result, Progressed)
    before, after = result.after.clocks
    assert (before.ended_at, after.ended_at) == (at_minute(5), None)
    assert before.verification is not None
    assert before.verification.answer == "cannot_tell"
    assert after.verification is not None
    assert after.verification.post is None


RECORD = CameraRecords({("camera", "pole 7"): CameraRecord(4, 2), ("camera", "pole 8"): CameraRecord(3, 3)})


@pytest.mark.parametrize(
    ("report", "rule"),
    [
        ({"source": "hotline"}, None),
        ({"source": "hotline", "class_code": "C0101"}, "unsure-hotline"),
        ({"source": "phone", "class_code": "C0101"}, None),
        ({"source": "app"}, "source"),
        ({"source": "camera", "confidence": 0.9}, None),
        ({"source": "camera", "confidence": 0.7}, "source"),
        ({"source": "camera", "confidence": 0.9, "verify_first": True}, "screening"),
        ({"source": "camera", "confidence": 0.9, "class_code": "E0602"}, "unsure-stall"),
        ({"source": "camera", "confidence": 0.95, "class_code": "E0602"}, None),
        ({"source": "camera", "confidence": 0.1, "camera": "gate"}, None),
        ({"source": "camera", "confidence": 0.99, "camera": "pole 7"}, "blind-camera"),
        ({"source": "camera", "confidence": 0.99, "camera": "pole 8"}, None),
        ({"source": "camera", "confidence": 0.99, "camera": "pole 9"}, None),
    ],
)
def test_trust_goes_by_source_camera_class_confidence_and_record(report: dict[str, Any], rule: str | None) -> None:
    assert distrusted_by(build_report(**report), POLICY, RECORD) == rule


def test_record_of_a_camera_forgets_what_is_long_ago() -> None:
    """Four findings are asked for: at eight the older ones lose weight, so that a mended camera is trusted again."""
    records, key = CameraRecords({}), ("camera", "pole 7")
    for number in range(8):
        records.judge(key, is_true=number >= 4, policy=POLICY)
    assert records.of(key) == CameraRecord(4, 2)

    records.judge(key, is_true=True, policy=POLICY)

    assert distrusted_by(build_report(source="camera", camera="pole 7", confidence=0.9), POLICY, records) is None
    assert list(records.changed()) == [("camera", "pole 7", 5, 2)]


def test_order_of_rules_decides() -> None:
    policy = policy_with_patrols(trust=list(reversed(VERIFICATION["trust"])))
    report = build_report(source="camera", camera="gate", confidence=0.5, class_code="E0602")

    assert distrusted_by(report, policy) == "unsure-stall"
    assert distrusted_by(report, POLICY) is None
    assert distrusted_by(report, default_policy()) == "source"
