"""Callbacks go by report: each reporter's word stands for himself, and the city's rule makes one rating of them."""

import pytest

from paidan_contracts.actions import CallBack, Inspect
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.inbox.case_rows import awaits_callback
from tests.dispatch.builders import ActionContext, build_report, case_after, decide_action, receive_reports
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of

A, B, C, CAMERA = (
    build_report("a"),
    build_report("b", source="app"),
    build_report("c"),
    build_report("d", source="camera", confidence=0.9),
)


def _closed(*reports: ReportReceived) -> CaseState:
    state = receive_reports(*reports)[-1].after
    for action in (Accept(), Finish(), Inspect(passed=True)):
        state = case_after(state, action, minutes=10)
    return state


def _policy(rating: str = "worst", unreasonable: str = "left_out") -> CityPolicy:
    pack = pack_document()
    pack["callbacks"] = {"rating": rating, "unreasonable": unreasonable}
    pack["clocks"]["reopening"]["times"] = 0
    return policy_of(pack)


def _called(state: CaseState, *words: tuple[ReportReceived, str], policy: CityPolicy | None = None) -> CaseState:
    for report, rating in words:
        reasonable = rating != "unreasonable"
        action = CallBack.model_validate(
            {
                "report_id": report.report_id,
                "rating": rating if reasonable else "dissatisfied",
                "reasonable": reasonable,
            }
        )
        state = case_after(state, action, minutes=30, policy=policy or _policy())
    return state


def test_each_reporter_waits_until_called() -> None:
    state = _closed(CAMERA, A, B)
    assert state.callbacks_awaited == (A.report_id, B.report_id)

    after_one = _called(state, (B, "satisfied"))
    assert (after_one.callbacks_awaited, awaits_callback(after_one)) == ((A.report_id,), True)

    after_both = _called(after_one, (A, "no_answer"))
    assert (after_both.callbacks_awaited, awaits_callback(after_both)) == ((), False)


@pytest.mark.parametrize("rule", ["worst", "last", "opener"])
def test_no_answer_wipes_nobodys_word(rule: str) -> None:
    policy = _policy(rule)

    state = _called(_closed(A, B), (A, "satisfied"), (B, "no_answer"), policy=policy)

    assert [(each.report_id, each.rating) for each in state.called_back] == [
        (A.report_id, "satisfied"),
        (B.report_id, "no_answer"),
    ]
    assert (state.rating, state.raw_rating) == ("satisfied", "satisfied")


@pytest.mark.parametrize(
    ("rule", "rating"), [("worst", "dissatisfied"), ("last", "basically_satisfied"), ("opener", "satisfied")]
)
def test_the_citys_rule_makes_one_rating_and_is_named(rule: str, rating: str) -> None:
    policy = _policy(rule)

    state = _called(_closed(A, B, C), (A, "satisfied"), (B, "dissatisfied"), (C, "basically_satisfied"), policy=policy)

    assert state.rating == rating
    assert state.rated_by is not None
    assert (state.rated_by.rule, state.rated_by.city_version) == (rule, policy.version)


def test_the_last_word_is_the_one_that_was_given_last() -> None:
    words = ((A, "dissatisfied"), (B, "basically_satisfied"), (A, "satisfied"))

    assert _called(_closed(A, B), *words, policy=_policy("last")).rating == "satisfied"


def test_a_reporters_later_word_replaces_his_own_alone() -> None:
    state = _called(_closed(A, B), (A, "dissatisfied"), (B, "basically_satisfied"), (A, "satisfied"))

    assert state.rating == "basically_satisfied"
    assert len(state.called_back) == 3


@pytest.mark.parametrize(("unreasonable", "rating"), [("left_out", "satisfied"), ("counts", "dissatisfied")])
def test_the_pack_says_whether_an_unreasonable_word_counts(unreasonable: str, rating: str) -> None:
    state = _called(_closed(A, B), (A, "satisfied"), (B, "unreasonable"), policy=_policy(unreasonable=unreasonable))

    assert (state.rating, state.raw_rating) == (rating, "dissatisfied"), "raw and reviewed stand side by side"


def test_only_an_unreasonable_word_leaves_no_rating() -> None:
    state = _called(_closed(A), (A, "unreasonable"))

    assert (state.rating, state.raw_rating) == (None, "dissatisfied")


def test_a_word_left_out_does_not_bring_an_earlier_one_of_the_same_reporter_back() -> None:
    assert _called(_closed(A), (A, "satisfied"), (A, "unreasonable")).rating is None


def test_callback_without_a_report_is_the_openers_or_the_only_ones() -> None:
    opener = case_after(_closed(A, B), CallBack(rating="satisfied"))
    only = case_after(_closed(CAMERA, B), CallBack(rating="satisfied"))

    assert (opener.called_back[0].report_id, opener.callbacks_awaited) == (A.report_id, (B.report_id,))
    assert (only.called_back[0].report_id, only.callbacks_awaited) == (B.report_id, ())


def test_callback_without_a_report_is_refused_where_it_is_unclear_whose_it_is() -> None:
    result = decide_action(_closed(CAMERA, A, B), CallBack(rating="satisfied"))

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("unknown_report", "action.report_id")
    assert "2" in result.refusal.message
    assert "2" in result.refusal.message_zh


def test_callback_of_another_cases_report_is_refused() -> None:
    result = decide_action(_closed(A), CallBack(rating="satisfied", report_id=C.report_id))

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("unknown_report", "action.report_id")


def test_action_by_report_is_that_reports_callback() -> None:
    result = decide_action(_closed(A, B), CallBack(rating="satisfied"), ActionContext(of_report=B.report_id))

    assert isinstance(result, Progressed)
    assert result.after.called_back[0].report_id == B.report_id


def test_everybody_is_called_again_once_the_case_was_reopened() -> None:
    state = _called(_closed(A, B), (A, "satisfied"))
    reopened = case_after(state, CallBack(rating="dissatisfied", report_id=B.report_id), minutes=30)
    assert (reopened.status, reopened.callbacks_awaited, awaits_callback(reopened)) == ("handling", (), False)

    for action in (Finish(), Inspect(passed=True)):
        reopened = case_after(reopened, action, minutes=40)

    assert reopened.callbacks_awaited == (A.report_id, B.report_id)


def test_case_that_an_earlier_release_opened_waits_by_the_pack() -> None:
    """Its state does not hold whom to call; its reporter is known by reference, its source by the pack."""
    opened = receive_reports(build_report("1", source="phone", reporter=A.report_id))[-1].after
    state = replace_unvalidated(opened, callbacks_wanted=())
    for action in (Accept(), Finish(), Inspect(passed=True)):
        state = case_after(state, action, minutes=10)

    assert state.callbacks_awaited == (state.opened_by,)
    assert default_policy().calls_back("phone")
