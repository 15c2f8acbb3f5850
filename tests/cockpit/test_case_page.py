"""A case's page in words: why it is as it is, its reports, its photos, where it is. Pure."""

import pytest
from pydantic import TypeAdapter, ValidationError

from paidan_cockpit.pages.action_forms import next_action
from paidan_cockpit.pages.case_map import HEIGHT, WIDTH, Window, border_path, draw_case
from paidan_cockpit.pages.case_page import cited_versions, done_at
from paidan_cockpit.pages.case_photos import photos_of_case
from paidan_cockpit.pages.case_record import CaseRecord, ShownReceipt
from paidan_cockpit.pages.case_reports import reports_of_case
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.timeline import TimelineBuilder
from paidan_cockpit.settings import TileAddress
from paidan_cockpit.translations import translations
from paidan_contracts.actions import Actor
from paidan_contracts.assignments import Limit, RuleRef
from paidan_contracts.cases import CaseAccepted, CaseFinished, CaseMerged, CaseOpened, CaseReopened
from paidan_contracts.city.geography import Point
from paidan_contracts.places import Place
from tests.cockpit.case_records import (
    HERE,
    HOUR,
    LANGUAGES,
    PHOTOS,
    QUANCHENG_CITY,
    event_of,
    in_hand,
    joined,
    opened,
    reasons,
    record_of,
)
from tests.scoring.case_histories import START


def test_the_reasons_name_category_rule_and_limit_as_the_pack_has_them() -> None:
    told = reasons(record_of(in_hand()))

    assert "市容环境/暴露生活垃圾" in told["class"]
    assert "street-order" not in told["department"], "an id says nothing to people"
    assert "The rule says: " in told["department"]
    assert "the department of the case's district (such as " in told["department"]
    assert "4 hours of working time" in told["limit"]
    assert "2026-03-02 13:00" in told["limit"]


def test_a_class_that_a_person_gave_is_not_said_to_be_the_sources() -> None:
    before = opened(class_code="E0102", row_id=None)
    after = in_hand()

    told = reasons(record_of(after, event_of(before, CaseOpened, report_id=before.opened_by)), "zh")

    assert "人工立案" in told["class"]
    assert "市容环境/暴露生活垃圾" not in told["class"]


def test_a_reopened_case_has_the_limit_of_reopening() -> None:
    state = in_hand()
    [assignment] = state.assignments
    again = Limit(number=2, began_at=START + HOUR, due_at=START + 9 * HOUR)
    state = state.model_copy(
        update={"assignments": (assignment.model_copy(update={"limits": (*assignment.limits, again)}),)}
    )
    reopened = event_of(state, CaseReopened, department="minghu-management", recorded_at=START + HOUR)

    assert "reopened" in reasons(record_of(state, reopened))["limit"]
    assert "1 day of working time" in reasons(record_of(state, reopened))["limit"]


def test_a_held_case_has_the_reason_why_it_waits_and_no_limit() -> None:
    told = reasons(record_of(opened(held_because="No routing rule covers it. 没有派遣规则适用。")))

    assert told["held"].endswith("No routing rule covers it."), "the other language is not for this reader"
    assert "limit" not in told


def test_who_had_a_held_case_before_is_not_said_to_have_it_now() -> None:
    [assignment] = in_hand().assignments
    held = opened(status="filed", held_because="No rule covers it.", assignments=(assignment,))

    told, before = reasons(record_of(held)), reasons(record_of(in_hand()))

    assert "department" not in told
    assert told["earlier"] == f"No longer in force: {before['department']}"
    assert "earlier" not in before


def test_all_reports_are_shown_the_opening_one_first_and_in_full_where_an_event_has_them() -> None:
    cut, whole = joined(2, text="cut"), joined(2, text="cut short no more", metres=7.4)
    forgotten = joined(1, text="older than the newest 20", photos=PHOTOS[:1])
    state = opened(text="first", joined=(cut,), reports=3, photos=PHOTOS[1:2])
    events = [event_of(state, CaseMerged, report_id=each.report_id, report=each) for each in (forgotten, whole)]

    reports = reports_of_case(state, events)

    assert [(each.number, each.text) for each in reports] == [
        (1, "first"), (2, "older than the newest 20"), (3, "cut short no more")
    ]  # fmt: skip
    assert [each.stage for each in photos_of_case(record_of(state, *events), reports)] == ["before", "after"]
    assert photos_of_case(record_of(state, *events), reports)[0].refs == (PHOTOS[1], PHOTOS[0])


def test_a_confidential_report_is_no_point_of_a_map() -> None:
    """It may have joined a case that everybody sees, on a map."""
    secret, public = (
        joined(number, text="", latitude=36.66, longitude=117.04, confidential=number == 1) for number in (1, 2)
    )
    of_both = reports_of_case(opened(joined=(secret, public)), [])
    own = reports_of_case(opened(confidential=True, place=Place(latitude=36.66, longitude=117.04)), [])

    assert [each.at for each in of_both[1:]] == [None, (117.04, 36.66)]
    assert own[0].at is None


def test_the_map_has_the_case_in_its_middle_and_every_report_in_it() -> None:
    here = (117.03, 36.66)
    far = (117.09, 36.70)

    near_map, wide_map = (draw_case(QUANCHENG_CITY, here, [(1, here), *more]) for more in ([], [(2, far)]))

    for each in (near_map, wide_map):
        assert each.spots[0] == (1, WIDTH // 2, HEIGHT // 2)
        assert all(0 <= spot.x <= WIDTH and 0 <= spot.y <= HEIGHT for spot in each.spots)
        assert each.cell is not None
        assert each.cell.x <= WIDTH // 2 <= each.cell.x + each.cell.width
    assert wide_map.bar_m > near_map.bar_m
    assert any(border.level == "district" for border in wide_map.borders)


def test_tiles_lie_edge_to_edge_and_cover_the_drawing() -> None:
    tiles = draw_case(QUANCHENG_CITY, (117.03, 36.66), [], "https://tiles.example/{z}/{x}/{y}.png").tiles

    assert min(each.x for each in tiles) <= 0
    assert min(each.y for each in tiles) <= 0
    assert max(each.x + each.width for each in tiles) >= WIDTH
    assert max(each.y + each.height for each in tiles) >= HEIGHT
    assert all("{" not in each.address for each in tiles)
    assert all(abs(each.width - each.height) < 1 for each in tiles), "the drawing is as wide as it is high"


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("https://tiles.example/{z}/{x}/{y}.png", True),
        ("https://{s}.tiles.example/{z}/{x}/{y}.png", False),
        ("https://tiles.example/{z}/{x}/{y}{r}.png", False),
        ("https://tiles.example/{z}/{x}.png", False),
        ("https://{z}.example/{x}/{y}.png", False),
    ],
)
def test_an_address_of_tiles_that_nobody_could_fill_in_prevents_the_start(address: str, *, is_taken: bool) -> None:
    found = TypeAdapter(TileAddress)
    if is_taken:
        assert found.validate_python(address) == address
        return
    with pytest.raises(ValidationError, match="no other brace"):
        found.validate_python(address)


def test_who_did_a_step_is_told_with_the_post() -> None:
    actor = Actor(kind="operator", id="cockpit", person="00000000-0000-5000-8000-000000000009", post="duty-chief")
    steps = [event_of(opened(), CaseAccepted, department="minghu-management", actor=actor)]

    [entry] = TimelineBuilder(translations("zh").gettext, CityNames(QUANCHENG_CITY, "zh")).timeline(steps)

    assert entry.actor == f"派遣员 · {QUANCHENG_CITY.posts['duty-chief'].names.zh}"


@pytest.mark.parametrize(
    ("place", "there", "told"),
    [
        (HERE, HERE, ("Done 0 m from the place reported.", "处置地点距上报地点 0 米。")),
        (HERE, (117.03, 36.65010), ("Done 11 m from the place reported.", "处置地点距上报地点 11 米。")),
        (None, HERE, ("Where it was done is known, the place reported is not.", "已知处置地点，上报地点不详。")),
        (HERE, None, ("", "")),
    ],
)
def test_a_finish_tells_how_far_from_the_case_it_was_done(
    place: Point | None, there: Point | None, told: tuple[str, str]
) -> None:
    state = opened(place=Place() if place is None else Place(longitude=place[0], latitude=place[1]))
    where = {} if there is None else {"longitude": there[0], "latitude": there[1]}
    steps = [event_of(state, CaseFinished, department="minghu-management", **where)]

    for language, sentence in zip(LANGUAGES, told, strict=True):
        builder = TimelineBuilder(translations(language).gettext, CityNames(QUANCHENG_CITY, language))
        assert [each.where for each in builder.timeline(steps)] == [sentence]
    assert done_at(steps) == there


def test_a_border_that_comes_back_to_a_point_goes_through_it_each_time() -> None:
    ring = ((0.0, 0.0), (0.001, 0.001), (0.0, 0.001), (0.0, 0.0), (0.0, 0.0), (0.001, -0.001))
    path = border_path(ring, Window((0.0, 0.0), 0.25))

    assert path.count(f"{WIDTH // 2} {HEIGHT // 2}") == 2, path


def test_every_version_of_the_pack_that_a_reason_cites_is_read() -> None:
    before, state = opened(), in_hand()
    [assignment] = state.assignments
    placed = assignment.model_copy(update={"placed_by": RuleRef(rule="x", city_version="b" * 64)})
    state = state.model_copy(update={"assignments": (placed,), "city_version": "c" * 64})
    receipt = ShownReceipt(decision="placed", rule="x", city_version="d" * 64)
    record = CaseRecord(state, [event_of(before, CaseAccepted, department="x")], [receipt], True, 0)

    assert cited_versions(record) == {before.city_version, *(each * 64 for each in "bcd")}


def test_the_map_marks_where_the_work_was_done_and_leaves_out_what_lies_far_away() -> None:
    marks = [draw_case(QUANCHENG_CITY, HERE, [], done=each).done for each in (HERE, (118.0, 36.65), None)]

    assert marks == [(WIDTH // 2, HEIGHT // 2), None, None]


def test_the_newest_finish_is_marked_even_if_it_does_not_tell_where() -> None:
    first = event_of(opened(), CaseFinished, department="minghu-management", longitude=117.03, latitude=36.65)
    again = event_of(opened(), CaseFinished, department="minghu-management")

    assert (done_at([first]), done_at([first, again]), done_at([])) == (HERE, None, None)


@pytest.mark.parametrize(
    ("status", "row_id", "kind"),
    [("filed", None, "file"), ("filed", "E0110-1", "assign"), ("inspecting", "E0110-1", "inspect"),
     ("voided", "E0110-1", None)],
)  # fmt: skip
def test_the_form_that_takes_a_case_on_is_the_open_one(status: str, row_id: str | None, kind: str | None) -> None:
    assert next_action(status, row_id) == kind
