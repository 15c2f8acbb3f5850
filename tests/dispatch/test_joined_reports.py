"""What a report that joins a case says reaches the case's step, its state, its order and its department."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.cases import CaseMerged
from paidan_contracts.orders import OrderChanged, OrderIssued
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.orders import order_events
from paidan_dispatch.cases.reports import JOINED_KEPT, JOINED_TEXT_LENGTH, Opened, as_held_by_case
from paidan_dispatch.inbox.case_rows import awaits_callback
from tests.dispatch.builders import at_minute, build_report, receive_reports
from tests.dispatch.sample_pack import default_policy

PHOTO, OTHER_PHOTO = "a" * 64 + ".jpg", "b" * 64 + ".jpg"


def _placed(east_m: float = 0, **more: object) -> dict[str, Any]:
    return {"latitude": 36.0, "longitude": 117.0 + east_m / 89_960, "district": "1", **more}


def _merged_step(*reports: ReportReceived) -> tuple[CaseMerged, CaseState]:
    step = receive_reports(*reports)[-1]
    assert isinstance(step, Progressed)
    assert isinstance(step.events[0], CaseMerged)
    return step.events[0], step.after


def test_merged_report_stands_in_full_in_the_step() -> None:
    urgent = build_report(
        "2",
        minutes=5,
        text="有小孩掉进去了，急！",
        photos=(PHOTO,),
        place=_placed(20, address="幸福路9号"),
        source="app",
    )

    merged, state = _merged_step(build_report("1", text="井盖不见了"), urgent)

    assert merged.report is not None
    assert (merged.report.text, merged.report.photos) == ("有小孩掉进去了，急！", (PHOTO,))
    assert merged.report.address == "幸福路9号"
    assert merged.report.metres == pytest.approx(20, abs=0.2)
    assert (merged.report.source, merged.report.channel, merged.report.recorded_at) == ("app", "photo", at_minute(5))
    assert state.text == "井盖不见了"
    assert [each.text for each in state.joined] == ["有小孩掉进去了，急！"]


def test_department_gets_what_joined_its_order() -> None:
    step = receive_reports(build_report("1"), build_report("2", text="有小孩掉进去了", photos=(PHOTO,)))[-1]
    assert isinstance(step, Progressed)

    (changed,) = order_events(step.before, step.events, default_policy())

    assert isinstance(changed, OrderChanged)
    assert changed.report is not None
    assert (changed.because, changed.report.text, changed.report.photos) == ("merged", "有小孩掉进去了", (PHOTO,))
    assert [each.text for each in changed.order.joined] == ["有小孩掉进去了"]


def test_order_that_is_issued_later_carries_what_joined_before() -> None:
    """The report that a case waited for, or the one that joined before it went to another department."""
    step = receive_reports(
        build_report("1", source="app", text="一"),
        build_report("2", source="app", text="二"),
        build_report("3", text="三"),
    )[-1]
    assert isinstance(step, Progressed)

    (issued,) = order_events(step.before, step.events, default_policy())

    assert isinstance(issued, OrderIssued)
    assert [each.text for each in issued.order.joined] == ["二", "三"]


def test_state_holds_the_newest_reports_cut_short_and_the_step_all_of_it() -> None:
    long = "字" * (JOINED_TEXT_LENGTH + 1)
    reports = [build_report(str(number), text=f"{number} {long}") for number in range(JOINED_KEPT + 3)]

    merged, state = _merged_step(*reports)

    assert merged.report is not None
    assert merged.report.text == reports[-1].text
    assert state.reports == JOINED_KEPT + 3
    assert [each.text for each in state.joined] == [each.text[:JOINED_TEXT_LENGTH] for each in reports[-JOINED_KEPT:]]


CONFIDENTIAL: dict[str, Any] = {"confidential": True, "text": "我是举报人，住在", "place": _placed(address="幸福路9号")}


def test_confidential_report_opens_a_case_without_its_words_and_address() -> None:
    (step,) = receive_reports(build_report("1", **CONFIDENTIAL))
    assert isinstance(step, Opened)

    (issued,) = order_events(None, step.events, default_policy())

    assert (issued.order.confidential, issued.order.text, issued.order.place.address) == (True, "", None)
    assert issued.order.place.latitude == 36.0, "the problem itself can be found"
    for each in (*step.events, issued):
        assert "举报人" not in each.model_dump_json()
        assert "幸福路" not in each.model_dump_json()


def test_confidential_report_joins_a_case_without_its_words_and_address() -> None:
    step = receive_reports(build_report("1", text="井盖"), build_report("2", **CONFIDENTIAL))[-1]
    assert isinstance(step, Progressed)

    (changed,) = order_events(step.before, step.events, default_policy())

    assert step.after.joined[0].confidential
    assert (step.after.confidential, step.after.text) == (False, "井盖"), "the one that opened it was not"
    for each in (*step.events, changed):
        assert "举报人" not in each.model_dump_json()
        assert "幸福路" not in each.model_dump_json()


@pytest.mark.parametrize(
    ("more", "is_called"),
    [
        ({"source": "hotline", "wants_callback": True}, True),
        ({"source": "hotline", "wants_callback": False}, False),
        ({"source": "phone", "wants_callback": False, "reporter": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, True),
        ({"source": "phone", "wants_callback": False}, False),
        ({"source": "phone", "wants_callback": True}, True),
        ({"source": "camera", "wants_callback": True, "confidence": 0.9}, False),
        ({"source": "stranger", "wants_callback": True}, True),
    ],
    ids=["asked", "not asked", "by the pack", "nobody to call", "both", "a machine", "of no pack"],
)
@pytest.mark.parametrize("joins", [False, True], ids=["opening", "merging"])
def test_who_is_called_back(more: dict[str, Any], is_called: bool, joins: bool) -> None:
    """Who asked for it, and whom the pack says where there is somebody to call; never a machine."""
    report = build_report("2", minutes=1, **more)
    opener = build_report("1", source="hotline", wants_callback=False)

    state = receive_reports(opener, report)[-1].after if joins else receive_reports(report)[-1].after

    assert state.callbacks_wanted == ((report.report_id,) if is_called else ())


def test_nobody_waits_for_a_callback_before_the_case_is_closed() -> None:
    state = receive_reports(build_report("1"), build_report("2"))[-1].after

    assert not awaits_callback(state)
    assert state.callbacks_awaited == ()


words = st.lists(st.uuids(), min_size=12, max_size=12, unique=True)


@given(words, st.integers(2, 6), st.sets(st.integers(0, 5)))
def test_each_word_of_a_report_is_found_where_it_belongs_and_nowhere_else(
    unique: list[object], number: int, secret: set[int]
) -> None:
    """Every report of one case, some of them confidential: step, state and order have its words, once each."""
    texts = [(str(unique[2 * each]), str(unique[2 * each + 1])) for each in range(number)]
    reports = [
        build_report(
            f"{each}",
            minutes=each,
            text=text,
            place=_placed(each, address=address),
            source_ref=f"{each}",
            confidential=each in secret,
        )
        for each, (text, address) in enumerate(texts)
    ]

    steps = receive_reports(*reports)

    published = [event.model_dump_json() for step in steps for event in step.events]
    before: CaseState | None = None
    orders: list[str] = []
    for step in steps:
        orders += [each.model_dump_json() for each in order_events(before, step.events, default_policy())]
        before = step.after
    for each, (text, address) in enumerate(texts):
        held = as_held_by_case(reports[each])
        for word, shown in ((text, held.text), (address, held.address)):
            if each in secret:
                assert not shown
                assert all(word not in body for body in (*published, *orders))
            else:
                assert shown == word
                assert word in orders[-1]
                assert word in published[-1]
                assert all(word not in body for body in published[:each]), "not before it came"


def test_surer_evidence_confirms_what_waits() -> None:
    waiting, sure = receive_reports(
        build_report("1", source="camera", confidence=0.6, verify_first=True),
        build_report("2", source="camera", confidence=0.95, minutes=0.2),
    )

    assert waiting.after.status == "received"
    assert isinstance(sure, Progressed)
    assert [type(event).__name__ for event in sure.events] == ["CaseMerged", "CaseFiled", "CaseDispatched"]


def test_evidence_that_is_no_surer_does_not_confirm_what_waits() -> None:
    _, other = receive_reports(
        build_report("1", source="camera", confidence=0.6, verify_first=True),
        build_report("2", source="camera", confidence=0.7, verify_first=True, minutes=0.2),
    )

    assert other.after.status == "received"
