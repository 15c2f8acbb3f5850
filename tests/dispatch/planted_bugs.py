"""A bug for each invariant of a case: the state machine must find that invariant broken once the bug is planted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from paidan_contracts import ids
from paidan_contracts.actions import Assign, CallBack, File, Inspect, Redispatch, Urge, Verify, Void
from paidan_contracts.assignments import Assignment, Helper, Limit
from paidan_contracts.case_records import CaseNumbers
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.escalation_actions import Escalate
from paidan_contracts.record_actions import AddNote
from paidan_contracts.record_events import FieldCorrection
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import HandOn
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_contracts.verification_actions import CannotVerify
from paidan_dispatch.cases import authority, case_state, decide, emergencies, ladder, orders, patrols, reports, timers
from paidan_dispatch.cases.guards import ALLOWED_ACTIONS
from paidan_dispatch.cases.transitions import (
    construction,
    correction,
    emergency_limits,
    filing,
    fulfilment,
    helper_orders,
    routing,
    verification,
)
from tests.dispatch.emergency_cases import SNOWFALLS
from tests.dispatch.planted_limit_bugs import LIMIT_BUGS
from tests.dispatch.planting import Plant, last_assignment, last_limit, wrong_function, wrong_state


def helping_lead(appoint: Callable[..., tuple[Helper, ...]]) -> Callable[..., tuple[Helper, ...]]:
    """Return an ``appoint`` that lets the department help that leads."""

    def wrong(state: CaseState, departments: Any, lead: Assignment) -> tuple[Helper, ...]:  # noqa: ANN401
        return tuple(
            replace_unvalidated(each, department=lead.department) for each in appoint(state, departments, lead)
        )

    return wrong


def as_if_live(stage: Callable[[CaseState], Any]) -> Callable[[CaseState], Any]:
    """Return a ``_stage`` that forgets that a case is an imported one."""
    return lambda state: stage(replace_unvalidated(state, past=False))


def rewriting_history(new: Callable[..., CaseState]) -> Callable[..., CaseState]:
    """Return a ``next_state`` that changes what was said under every department."""

    def wrong(*rest: Any, **changes: Any) -> CaseState:  # noqa: ANN401
        state = new(*rest, **changes)
        return replace_unvalidated(
            state, assignments=tuple(replace_unvalidated(each, text="x") for each in state.assignments)
        )

    return wrong


def ending_later(shortened: Callable[..., Limit]) -> Callable[..., Limit]:
    """Return a ``shortened`` by which limits end later."""

    def wrong(*arguments: Any, **options: Any) -> Limit:  # noqa: ANN401 - of the function
        limit = shortened(*arguments, **options)
        return replace_unvalidated(limit, due_at=limit.due_at and limit.due_at + timedelta(days=9))

    return wrong


PLANTED_BUGS: Final[Mapping[str, Plant]] = MappingProxyType(
    {
        "version_is_the_next": wrong_state(Accept, lambda state: {"version": state.version + 1}),
        "event_survives_a_round_trip": wrong_state(Accept, lambda _: {"opened_by": "nobody"}),
        "status_moves_by_the_table": wrong_state(Accept, lambda _: {"status": "dispatched"}),
        "no_order_without_a_department": wrong_function(
            orders, "_new_order", lambda new: lambda **fields: new(**{**fields, "department": "nobody"})
        ),
        "order_versions_are_told_once": wrong_function(
            orders, "_events_of", lambda events: lambda *arguments: [*events(*arguments)] * 2
        ),
        "one_department_leads": wrong_function(
            routing, "end_assignment", lambda _: lambda state, _at, **_fields: state.assignments
        ),
        "lead_is_the_department": wrong_state(Assign, lambda _: {"department": "roads"}),
        "assignments_are_numbered": wrong_state(Redispatch, last_assignment(number=9)),
        "earlier_assignments_stay": wrong_function(fulfilment, "next_state", rewriting_history),
        "limits_are_numbered_once": wrong_function(
            routing, "next_limit", lambda new: lambda *arguments: replace_unvalidated(new(*arguments), number=1)
        ),
        "deadline_never_shortens": wrong_state(
            Accept, last_limit(lambda limit: {"due_at": limit.began_at, "overdue_at": None})
        ),
        "lateness_is_a_fact": wrong_state(Finish, last_limit(lambda limit: {"late": not limit.late})),
        "overdue_is_never_early": wrong_function(case_state, "overdue_since", lambda _: lambda _due_at, at: at),
        "closed_has_its_time": wrong_state(Inspect, lambda _: {"closed_at": None}),
        "ended_has_a_reason": wrong_state(Void, lambda _: {"ended_because": None}),
        "ended_case_stays_ended": lambda monkeypatch: monkeypatch.setattr(
            decide, "ALLOWED_ACTIONS", {**ALLOWED_ACTIONS, "voided": ("assign",), "not_accepted": ("assign",)}
        ),
        "held_only_while_filed": wrong_state(Assign, lambda _: {"held_because": "x"}),
        "filed_by_a_rule": wrong_state(File, lambda _: {"filed_at": None}),
        "hops_count_returns": wrong_state(Return, lambda state: {"hops": state.hops - 1}),
        "rounds_are_counted": wrong_state(Inspect, lambda state: {"round": 1}),
        "reopened_as_often_as_the_city_allows": wrong_state(
            CallBack, lambda state: {"reopened": state.reopened * 2, "round": state.round + state.reopened}
        ),
        "nothing_runs_for_the_past": wrong_function(case_state, "_stage", as_if_live),
        "one_order_to_help_for_each_department": wrong_function(routing, "appoint", helping_lead),
        "helper_orders_end_with_the_case": wrong_function(
            filing, "end_help", lambda _: lambda state, _at: state.helpers
        ),
        "helpers_move_nothing": wrong_function(
            helper_orders,
            "next_state",
            lambda new: lambda state, provenance, **changes: new(state, provenance, urged=9, **changes),
        ),
        "order_ids_are_unique": wrong_function(ids, "order_id", lambda _: lambda case_id, _number: case_id),
        "one_stage_clock_runs": wrong_state(
            Inspect,
            lambda state: {"clocks": tuple(replace_unvalidated(each, ended_at=None) for each in state.clocks)},
        ),
        "timer_generations_are_never_reused": wrong_function(
            timers, "_timers", lambda new: lambda state, kind, _generation, *rest: new(state, kind, 1, *rest)
        ),
        "escalating_moves_nothing": wrong_state(Escalate, lambda state: {"hops": state.hops + 1}),
        "level_stands_once": wrong_state(
            Escalate,
            lambda state: (
                {"escalation": replace_unvalidated(state.escalation, entries=state.escalation.entries * 2)}
                if state.escalation
                else {}
            ),
        ),
        "escalations_end_with_the_case": wrong_function(ladder, "ENDED_STATUSES", lambda _: frozenset({"voided"})),
        "escalation_names_its_cause": wrong_function(
            ladder, "_new_entry", lambda new: lambda **fields: new(**{**fields, "rule": None, "by": None})
        ),
        "ladder_step_fires_once_for_a_limit": wrong_function(
            ladder, "_new_position", lambda new: lambda **fields: new(**{**fields, "fired": fields["fired"][1:]})
        ),
        "ladder_halts_with_its_clock": wrong_function(
            ladder, "_WORKING_STATUSES", lambda working: working | {"inspecting"}
        ),
        "joined_reports_are_bounded": lambda monkeypatch: monkeypatch.setattr(reports, "JOINED_TEXT_LENGTH", 501),
        "callbacks_await_a_closed_case": wrong_state(
            Verify, lambda state: {"callbacks_awaited": state.callbacks_wanted}
        ),
        "nobody_calls_a_camera": wrong_function(reports, "_is_called_back", lambda _: lambda *_arguments: True),
        "residents_are_answered_at_the_end": wrong_state(Finish, lambda _: {"answer": "done"}),
        "notes_change_nothing": wrong_state(AddNote, lambda _: {"urged": 9}),
        "corrections_say_what_they_changed": wrong_function(
            correction,
            "_corrections",
            lambda _: lambda *_arguments: (FieldCorrection(field="text", before="x", after="x"),),
        ),
        "corrections_keep_the_course": wrong_function(
            filing,
            "next_limit",
            lambda new: lambda state, began_at, *rest: new(state, began_at + timedelta(minutes=1), *rest),
        ),
        "numbers_never_change": wrong_state(File, lambda _: {"numbers": CaseNumbers(ours="X1")}),
        "department_complained_of_has_no_order": wrong_function(
            routing, "excluded_departments", lambda _: lambda *_arguments: frozenset()
        ),
        "handed_on_within_its_order": wrong_function(
            case_state, "replace_unit_order", lambda _: lambda assignment, _at, **_fields: assignment
        ),
        "units_move_nothing": wrong_state(HandOn, lambda state: {"urged": state.version}),
        "verification_is_required_by_a_rule": wrong_function(
            patrols, "_new_verification", lambda new: lambda **fields: new(**{**fields, "required_by": None})
        ),
        "verifying_moves_nothing": wrong_state(CannotVerify, lambda _: {"urged": 9}),
        "task_has_a_limit_of_its_own": wrong_function(
            patrols,
            "task_deadline",
            lambda deadline: lambda at, policy: deadline(at, policy) + timedelta(days=1),
        ),
        "task_is_a_patrols": wrong_function(verification, "next_post", lambda _: lambda *_arguments: "desk"),
        "only_its_date_runs_while_planned": wrong_function(
            construction, "end_help", lambda _: lambda state, _at: state.helpers
        ),
        "planned_case_has_a_date": wrong_function(
            construction, "_clock_until", lambda clock: lambda state, due_at, at, policy: clock(state, at, at, policy)
        ),
        "order_ends_when_it_is_planned": wrong_function(
            construction, "end_assignment", lambda _: lambda state, _at, **_fields: state.assignments
        ),
        "settled_counts_as_handled": wrong_state(Settle, last_limit(lambda _: {"finished_at": None})),
        "reclocking_shortens_or_restores": wrong_function(emergency_limits, "shortened", ending_later),
        "reclocked_once_for_a_declaration": wrong_function(
            emergency_limits, "_is_by", lambda _: lambda _receipt, _id: False
        ),
        "reclocking_moves_nothing_else": wrong_function(
            emergency_limits,
            "next_state",
            lambda new: lambda state, provenance, **changes: new(state, provenance, hops=9, **changes),
        ),
        "acceptance_moves_by_a_declaration_alone": wrong_state(Urge, last_assignment(accept_by=None)),
        "emergency_leaves_other_places_alone": wrong_function(
            emergency_limits,
            "terms_of",
            lambda terms_of: lambda declaration, *rest: terms_of(replace_unvalidated(declaration, places=()), *rest),
        ),
        "only_what_is_in_force_shortens": wrong_function(
            emergencies,
            "all_terms",
            lambda terms: lambda subject, at, policy: terms(subject, at, replace(policy, emergencies=SNOWFALLS)),
        ),
        "shortened_limit_keeps_the_minimum": lambda monkeypatch: monkeypatch.setattr(
            emergencies, "max", lambda target, _floor: target - timedelta(hours=2), raising=False
        ),
        "doers_do_not_inspect": wrong_function(authority, "_doers", lambda _: lambda _state: frozenset()),
        **LIMIT_BUGS,
    }
)
"""By the name of the invariant that it breaks."""
