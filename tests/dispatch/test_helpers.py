"""Departments that help: an order, answers and limits of their own, which never move the case."""

from paidan_contracts.actions import CallBack, Inspect, Void
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.case_state import open_helpers
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.guards import ActionEvidence
from paidan_dispatch.cases.timers import next_due_at, running_timers
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    decide_action,
    expire,
    receive_reports,
    stored_photos,
    types,
)
from tests.dispatch.burst_pipe import BURST, POLICY, after, burst, finished, helper, messages, summary

PHOTO = "a" * 64 + ".jpg"
AFTER_TWO_HOURS = at_minute(120)


def test_every_helper_of_the_rule_gets_an_order_of_its_own() -> None:
    (opened,) = receive_reports(BURST, policy=POLICY)

    lead, roads, night = [each.order for each in messages(opened)]

    assert [(each.department, each.role) for each in (lead, roads, night)] == [
        ("water", "lead"),
        ("roads", "helper"),
        ("night", "helper"),
    ]
    assert (lead.helpers, lead.lead) == (("roads", "night"), None)
    assert (roads.helpers, roads.lead, roads.rule) == ((), "water", "together")
    assert len({each.order_id for each in (lead, roads, night)}) == 3
    assert {(each.accept_by, each.due_at) for each in (lead, roads, night)} == {(at_minute(30), AFTER_TWO_HOURS)}
    assert [each.department for each in burst().assignments] == ["water"], "turns that are scored are the lead's"


def test_helpers_answers_are_recorded_and_move_nothing() -> None:
    state = after(burst(), Accept(), by="water")
    for action, minute in ((Accept(), 7), (Finish(text="road closed", latitude=36.65, longitude=117.0), 60)):
        step = decide_action(state, action, ActionContext(minutes=minute, actor="department:roads"), policy=POLICY)
        assert types(step) == ["helper_answered"]
        assert isinstance(step, Progressed)
        state = step.after
        assert step.events[0].model_dump(include={"latitude"}) == {"latitude": getattr(action, "latitude", None)}
        assert (state.status, state.round, state.hops, state.department) == ("handling", 1, 0, "water")

    roads = helper(state, "roads")
    assert (roads.accepted_at, roads.finished_at, roads.text) == (at_minute(7), at_minute(60), "road closed")
    assert state.assignments == after(burst(), Accept(), by="water").assignments
    assert helper(state, "night") == helper(burst(), "night")


def test_finish_of_a_helper_accepts_its_order_too() -> None:
    roads = helper(after(burst(), Finish(), by="roads", minutes=31), "roads")

    assert (roads.accepted_at, roads.accept_overdue_at, roads.overdue_at) == (at_minute(31), at_minute(30), None)


def test_helper_that_returns_its_order_is_no_hop() -> None:
    step = decide_action(
        burst(), Return(code="not_our_duty", reason="no road"), ActionContext(actor="department:roads"), policy=POLICY
    )

    assert types(step) == ["helper_answered"]
    assert summary(messages(step)) == [("roads", "helper", "withdrawn", "returned")]
    assert messages(step)[0].model_dump()["reason"] == "no road"
    state = step.after  # type: ignore[union-attr] # checked by types()
    assert (state.hops, state.status, open_helpers(state)) == (0, "dispatched", ("night",))
    again = decide_action(state, Accept(), ActionContext(actor="department:roads"), policy=POLICY)
    assert isinstance(again, Refused)
    assert again.refusal.code == "not_your_order"


def test_helper_may_not_do_what_only_the_lead_or_an_operator_does() -> None:
    state = burst()

    for action, code in ((Inspect(passed=True), "not_your_role"), (Void(reason="x"), "not_your_role")):
        result = decide_action(state, action, ActionContext(actor="department:roads"), policy=POLICY)
        assert isinstance(result, Refused)
        assert result.refusal.code == code
    twice = decide_action(
        after(state, Accept(), by="roads"), Accept(), ActionContext(actor="department:roads"), policy=POLICY
    )
    assert isinstance(twice, Refused)
    assert twice.refusal.code == "not_allowed_in_state"
    assert "finish or return" in twice.refusal.message


def test_helper_cannot_answer_a_case_that_ended() -> None:
    state = after(after(burst(), Finish(), by="water"), Inspect(passed=True))

    result = decide_action(state, Finish(), ActionContext(minutes=9, actor="department:roads"), policy=POLICY)

    assert isinstance(result, Refused)
    assert result.refusal.code == "not_allowed_in_state"


def test_helpers_limits_run_and_pass_by_themselves() -> None:
    state = after(burst(), Accept(), by="water", minutes=1)
    accept, *_ = [each for each in running_timers(state) if each.kind == "helper_accept"]
    handle = [each for each in running_timers(state) if each.kind == "helper_handle"]

    late = expire(state, accept)

    assert isinstance(late, Progressed)
    (event,) = late.events
    body = event.model_dump()
    assert (body["type"], body["department"], body["clock"]) == ("case.overdue.v1", "roads", "accept")
    assert helper(late.after, "roads").accept_overdue_at == at_minute(30)
    assert late.after.assignments == state.assignments
    assert len({each.id for each in (accept, *handle)}) == 3
    overdue = expire(late.after, handle[0])
    assert isinstance(overdue, Progressed)
    assert helper(overdue.after, "roads").overdue_at == AFTER_TWO_HOURS
    assert accept not in running_timers(overdue.after)


def test_reopening_gives_helpers_a_limit_of_their_own_again() -> None:
    state = after(finished(), Finish(), by="roads", minutes=12)
    reopened = after(after(state, Inspect(passed=True), minutes=20), CallBack(rating="dissatisfied"), minutes=30)

    roads = helper(reopened, "roads")

    assert (roads.finished_at, roads.due_at) == (None, at_minute(150))
    generations = {each.generation for each in running_timers(burst())} | {
        each.generation for each in running_timers(reopened) if each.kind.startswith("helper")
    }
    assert {each.id for each in running_timers(burst())}.isdisjoint(
        each.id for each in running_timers(reopened) if each.kind == "helper_handle"
    ), generations


def test_first_of_all_timers_says_when_the_case_is_due() -> None:
    state = burst()

    assert next_due_at(state) == min(each.due_at for each in running_timers(state))
    assert len(running_timers(state)) == 6


def test_a_helpers_proof_must_be_its_own() -> None:
    state = burst()

    def finish(holder: str) -> Progressed | Refused:
        context = ActionContext(
            minutes=5, actor="department:roads", evidence=stored_photos(state, PHOTO, holder=holder)
        )
        return decide_action(state, Finish(proof=(PHOTO,)), context, policy=POLICY)

    assert isinstance(finish("department:roads"), Progressed)
    refused = finish("department:water")
    assert isinstance(refused, Refused)
    assert refused.refusal.code == "unknown_photo"


def test_a_helper_that_works_again_needs_a_new_photo_as_the_lead_does() -> None:
    state = burst().model_copy(update={"round": 2})
    [stored] = stored_photos(state, PHOTO, holder="department:roads").photos

    def finish(used_round: int | None) -> Progressed | Refused:
        photo = stored._replace(used_in=state.case_id if used_round else None, used_round=used_round)
        context = ActionContext(minutes=5, actor="department:roads", evidence=ActionEvidence([photo]))
        return decide_action(state, Finish(proof=(PHOTO,)), context, policy=POLICY)

    assert isinstance(finish(None), Progressed)
    assert isinstance(finish(2), Progressed), "said again within the round"
    refused = finish(1)
    assert isinstance(refused, Refused)
    assert refused.refusal.code == "photo_used"


def test_the_order_of_a_helper_is_found_by_its_department_with_a_status_of_its_own() -> None:
    state = after(burst(), Accept(), by="roads")

    order = orders.open_order_of(state, "roads", POLICY)

    assert order is not None
    assert (order.role, orders.status_for(state, order), state.status) == ("helper", "handling", "dispatched")
    lead = orders.open_order_of(state, "water", POLICY)
    assert lead is not None
    assert (lead.role, orders.status_for(state, lead)) == ("lead", "dispatched")
    assert orders.open_order_of(state, "south", POLICY) is None
