"""What a caller is told that it may do with a case agrees, for every kind, with what is decided on its requests."""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given

from paidan_chassis.edge.api_keys import Principal
from paidan_contracts.actions import (
    KNOWN_ACTION_KINDS,
    Action,
    Amend,
    Assign,
    CallBack,
    File,
    Inspect,
    Redispatch,
    Reply,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.construction_actions import PlanConstruction, StrikeOff
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.emergency_actions import CITY_ACTION_KINDS
from paidan_contracts.outcomes import Refusal
from paidan_contracts.record_actions import Correct
from paidan_contracts.reports import ReportReceived
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import CaseState, Status
from paidan_contracts.time_limit_actions import AskSuspension
from paidan_contracts.unsupported_actions import ForceClose
from paidan_contracts.verification_actions import AssignVerification, CannotVerify
from paidan_dispatch.actions.permissions import Permission, PermissionQuery, Requirement
from paidan_dispatch.cases.decide import Progressed, Refused, decide
from paidan_dispatch.cases.guards import ActionEvidence, ProofPhoto
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.reports import Opened, receive_report
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.action_table import STATES, case_in_status
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    build_report,
    build_request,
    case_after,
    closed,
    opened_case,
)
from tests.dispatch.limit_cases import DISPATCHER, NO, YES, in_work, refused
from tests.dispatch.random_histories import PHOTO, POLICY, RandomStep, random_histories, reports
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of

IN_TIME, TOO_LATE = 1500, 100_001
"""The city's working calendar ends in between: no limit can be set after it."""
CALLERS = (
    "role:operator",
    "role:inspector",
    "role:caller",
    "role:importer",
    "department:north",
    "department:roads",
    "department:water",
    "source:hotline",
)


def permissions(
    state: CaseState,
    *scopes: str,
    policy: CityPolicy | None = None,
    own_report: str | None = None,
    minutes: float = IN_TIME,
) -> dict[str, Permission]:
    caller = Principal(key_id="anne", name="anne", city="*", scopes=frozenset(scopes))
    query = PermissionQuery(state, policy or default_policy(), caller, at_minute(minutes), own_report)
    return {each.kind: each for each in query.permissions()}


def filled_forms(state: CaseState, policy: CityPolicy) -> Iterator[Action]:
    """Yield actions of every kind that a person might send, each field filled in in every way."""
    yield from (Accept(), Urge(), ForceClose(), Reply(text="x"), Void(reason="x"), Amend(reason="x"))
    yield from (Return(code="other", reason="x"), Finish(), Finish(proof=(PHOTO,), latitude=36.65, longitude=117.0))
    for answer in (True, False):
        yield Verify(verified=answer, reason="x", proof=(PHOTO,))
        yield Inspect(passed=answer, reason="x", proof=(PHOTO,))
    yield CannotVerify(reason="x", proof=(PHOTO,))
    yield from (PlanConstruction(due_at=at_minute(TOO_LATE + 1), reason="x"), StrikeOff(proof=(PHOTO,)))
    yield Settle(proof=(PHOTO,))
    yield from (AssignVerification(post=each) for each in (None, *policy.city.posts))
    for department in policy.city.departments:
        yield Assign(department=department, reason="x")
        yield Redispatch(department=department, reason="x")
    yield from (File(row_id=each) for each in policy.city.rows)
    for report_id in {state.opened_by, *state.callbacks_awaited}:
        yield CallBack(rating="satisfied", report_id=report_id)
        yield CallBack(rating="dissatisfied", report_id=report_id)


def decisions(state: CaseState, scope: str, policy: CityPolicy, minutes: float) -> Iterator[tuple[str, Refusal | None]]:
    """Yield the kind of each filled form, and the refusal, if any, of what is sent from it."""
    kind, _, name = scope.partition(":")
    actor = f"{name}:anne" if kind == "role" else scope
    of_report = state.opened_by if kind == "source" else None
    evidence = ActionEvidence([ProofPhoto(PHOTO, state.case_id, actor, at_minute(TOO_LATE))])
    for action in filled_forms(state, policy):
        context = ActionContext(minutes=minutes, actor=actor, of_report=of_report, evidence=evidence)
        result = decide(state, build_request(state, action, context), policy, evidence)
        yield action.kind, result.refusal if isinstance(result, Refused) else None


def assert_agrees(state: CaseState, policy: CityPolicy) -> None:
    for scope, minutes in product(CALLERS, (IN_TIME, TOO_LATE)):
        own_report = state.opened_by if scope == f"source:{state.source}" else None
        if scope.startswith("source:") and own_report is None:
            continue
        told = permissions(state, scope, policy=policy, own_report=own_report, minutes=minutes)
        decided: dict[str, list[Refusal | None]] = {}
        for kind, refusal in decisions(state, scope, policy, minutes):
            decided.setdefault(kind, []).append(refusal)
        for kind, refusals in decided.items():
            refusal = told[kind].refusal
            assert (refusal is None) == (None in refusals), (scope, kind, refusal)
            assert refusal in refusals, "it is refused in the same words"


@given(reports, random_histories)
def test_any_case_is_offered_what_would_be_applied(report: ReportReceived, steps: list[RandomStep]) -> None:
    opening = receive_report(report, nearby=CandidateIndex(), state_of=lambda _: pytest.fail("none"), policy=POLICY)
    assert isinstance(opening, Opened)
    state, timers = opening.after, list(running_timers(opening.after))
    for step in steps:
        result = step.apply(state, timers)
        if isinstance(result, Progressed):
            timers += running_timers(result.after)
            state = result.after
    assert_agrees(state, POLICY)


def test_filing_is_offered_while_the_calendar_covers_the_limit_of_any_row() -> None:
    """The first row's limit of four working hours would end after it; of two hours day and night, and of none, not."""
    late = build_report(class_code="E9999", minutes=99_999)
    given = Correct(reason="x", complained_of="roads", department="water")
    state = case_after(opened_case(late, policy=POLICY), given, minutes=99_999, actor="operator:olga", policy=POLICY)

    assert state.status == "dispatched"
    assert permissions(state, "role:operator", policy=POLICY, minutes=99_999)["file"].refusal is None
    assert_agrees(state, POLICY)


@pytest.mark.parametrize("status", STATES)
def test_case_in_every_status_is_offered_what_would_be_applied(status: Status) -> None:
    assert_agrees(case_in_status(status), default_policy())


def test_city_that_wants_orders_accepted_first_offers_no_finish_before() -> None:
    """The refusal for a missing photo comes before it, and would hide it."""
    document = pack_document()
    document["clocks"] = document["clocks"] | {"finish_without_accept": False}
    policy = policy_of(document)
    state = opened_case(build_report(row_id="E0110-2"), policy=policy)

    finish = permissions(state, f"department:{state.department}", policy=policy)["finish"]

    assert finish.refusal is not None
    assert (finish.refusal.code, finish.refusal.field) == ("not_allowed_in_state", "action.kind")
    assert_agrees(state, policy)


def test_every_kind_of_the_contract_is_answered() -> None:
    told = permissions(opened_case(), "role:operator")

    assert told.keys() == KNOWN_ACTION_KINDS - CITY_ACTION_KINDS
    assert told["force_close"].refusal is not None
    assert told["force_close"].refusal.code == "not_supported_yet"


@pytest.mark.parametrize("scope", ["role:monitor", "role:admin"])
@pytest.mark.parametrize("status", STATES)
def test_key_that_only_reads_is_offered_nothing(scope: str, status: Status) -> None:
    refusals = [each.refusal for each in permissions(case_in_status(status), scope).values()]

    assert {each and each.code for each in refusals} == {"not_your_role"}
    assert all(each and each.message and each.message_zh for each in refusals)


def test_a_request_whose_date_is_over_may_be_rejected() -> None:
    """It can no longer be approved, and would wait for ever if nobody were offered to decide on it."""
    asked = case_after(in_work(), AskSuspension(reason="frost", resume_at=at_minute(30)), minutes=5)

    assert permissions(asked, "role:operator", minutes=9)["review"].refusal is None
    assert permissions(asked, "role:operator", minutes=60)["review"].refusal is None
    assert refused(asked, YES, minutes=60, actor=DISPATCHER)[1] == "action.approved"
    assert case_after(asked, NO, minutes=60, actor=DISPATCHER).status == "handling"


def test_key_with_several_roles_acts_in_the_one_that_may() -> None:
    told = permissions(closed(), "role:operator", "role:caller")

    assert told["call_back"].refusal is None


def test_source_is_offered_to_urge_about_its_own_report() -> None:
    state = case_in_status("handling")

    told = permissions(state, "source:hotline", own_report=state.opened_by)

    assert [kind for kind, each in told.items() if each.refusal is None] == ["urge"]


def test_fields_that_the_case_needs_are_named() -> None:
    with_photo = opened_case(build_report(row_id="E0110-2"))
    without = case_in_status("dispatched")

    assert permissions(with_photo, f"department:{with_photo.department}")["finish"].needs == ("proof",)
    assert permissions(without, "department:north")["finish"].needs == ()
    assert permissions(case_in_status("inspecting"), "role:inspector")["inspect"].requirements == (
        Requirement("passed", value=False, needs="reason"),
    )
    assert permissions(case_in_status("received"), "role:inspector")["verify"].requirements == (
        Requirement("verified", value=False, needs="reason"),
    )


def test_callback_needs_its_report_where_several_reporters_wait() -> None:
    wanted = tuple(build_report(str(each)).report_id for each in (2, 3))
    state = closed().model_copy(update={"callbacks_wanted": wanted, "callbacks_awaited": wanted})

    assert permissions(state, "role:caller")["call_back"].needs == ("report_id",)
    assert permissions(closed(), "role:caller")["call_back"].needs == ()


def test_doer_is_told_that_it_may_not_inspect() -> None:
    refusal = permissions(case_in_status("inspecting"), "role:inspector", "member:north")["inspect"].refusal

    assert refusal is not None
    assert refusal.code == "doer_may_not_inspect"
