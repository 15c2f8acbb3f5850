"""What is wrong with a form is told at each of its fields, and what it did, and who was faster, in words. Pure."""

from dataclasses import replace
from typing import Final

import pytest

from paidan_cockpit.pages.action_forms import ActionForm, FormField, parse_forms
from paidan_cockpit.pages.actions import overtaken_text
from paidan_cockpit.pages.case_page import CasePage
from paidan_cockpit.pages.done_texts import deed_of, done_text
from paidan_cockpit.pages.form_checks import errors_of_fields
from paidan_cockpit.pages.labels import label
from paidan_cockpit.pages.timeline import TimelineBuilder
from paidan_cockpit.translations import translations
from paidan_contracts.cases import CaseDispatched
from tests.cockpit.case_records import LANGUAGES, event_of, in_hand, record_of
from tests.cockpit.drawn_pages import draw, summary_of
from tests.cockpit.test_action_forms import answer_of_dispatch
from tests.cockpit.test_past_rounds import NAMES, TIMES

EN: Final = translations("en").gettext


def form_of(kind: str, *fields: FormField) -> ActionForm:
    return ActionForm(kind=kind, title=kind, allowed=True, why="", fields=fields)


def field(name: str, *, required: bool = False, max_length: int | None = None, is_photos: bool = False) -> FormField:
    return FormField(name, "photos" if is_photos else "text", name, "", required, max_length=max_length)


def test_every_field_that_is_missing_or_too_long_is_told_at_once() -> None:
    form = form_of(
        "assign", field("action.department", required=True), field("action.reason", required=True, max_length=4),
        field("action.proof", required=True, is_photos=True), field("occurred_at"),
    )  # fmt: skip

    assert errors_of_fields(form, {"action.reason": "  "}, 0, EN).keys() == {
        "action.department", "action.reason", "action.proof"
    }  # fmt: skip
    filled = {"action.department": "lamps", "action.reason": "longer"}
    assert errors_of_fields(form, filled, 1, EN) == {"action.reason": "These are 6 characters; at most 4 can be taken."}
    assert not errors_of_fields(form, filled | {"action.reason": "four"}, 1, EN)


def test_an_answer_to_residents_is_not_dropped_without_a_word_where_the_inspection_fails() -> None:
    [form] = parse_forms(answer_of_dispatch("inspecting", "role:inspector", "inspect"), "en")
    filled = {"action.passed": "false", "action.reason": "wet", "action.answer": "It is dry."}

    assert list(errors_of_fields(form, filled, 0, EN)) == ["action.answer"]
    assert not errors_of_fields(form, filled | {"action.passed": "true"}, 0, EN)
    assert not errors_of_fields(form, filled | {"action.answer": " "}, 0, EN)


@pytest.mark.parametrize(
    ("kind", "fields", "told"),
    [
        ("accept", {}, "Accepted."),
        ("inspect", {"action.passed": "true"}, "closed"),
        ("inspect", {"action.passed": "false"}, "again"),
        ("assign", {}, "Done."),
    ],
)
def test_what_a_form_did_is_told(kind: str, fields: dict[str, str], told: str) -> None:
    assert told in done_text(deed_of(kind, fields), EN)


def case_page() -> CasePage:
    """Return the page of a case that was just dispatched."""
    state = in_hand()
    [assignment] = state.assignments
    order = {"order_id": assignment.order_id, "placed_by": assignment.placed_by}
    event = event_of(state, CaseDispatched, department=assignment.department, **order)
    timeline = list(TimelineBuilder(EN, NAMES).timeline([event]))
    return CasePage(
        summary=summary_of(state), names=NAMES, times=TIMES, map=None, record=record_of(state, event),
        timeline=timeline, notice="applied",
    )  # fmt: skip


def test_after_a_form_the_case_tells_its_newest_step() -> None:
    page = case_page()

    assert f"Done. {page.timeline[-1].sentence}" in draw(page, "role:operator")


def test_who_comes_too_late_is_told_how_the_case_is_who_was_faster_and_what_was_done() -> None:
    page = case_page()

    told = overtaken_text(page, "en")
    for part in (page.timeline[-1].sentence, page.timeline[-1].actor, TIMES.exact(page.timeline[-1].at)):
        assert part in told
    english, chinese = (overtaken_text(replace(page, timeline=()), each) for each in LANGUAGES)
    assert label(EN, "status", page.summary.status) in english
    assert english != chinese
