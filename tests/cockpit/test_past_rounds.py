"""A department sees why it is to do its work again: at its desk, and on the case's page. Pure."""

from typing import Any, Final

from paidan_cockpit.pages.case_page import CasePage
from paidan_cockpit.pages.case_record import ShownRound, parse_rounds
from paidan_cockpit.pages.desks import DESKS, DeskPage, Task
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.times import CityTimes
from paidan_contracts.orders import Order
from paidan_contracts.places import Place
from tests.cockpit.case_records import PHOTOS, QUANCHENG_CITY, in_hand
from tests.cockpit.drawn_pages import draw, summary_of
from tests.scoring.case_histories import START

ANSWER: Final[dict[str, Any]] = {
    "rounds": [
        {"round": 1, "ended_at": START.isoformat(), "because": "rework", "reason": "still <b>wet</b>",
         "photos": PHOTOS[:1], "text": "swept", "proof": PHOTOS[1:2], "told_by_a_later_release": 1},
        {"round": 2, "ended_at": START.isoformat(), "because": "reopened", "reason": "it came back"},
    ]
}  # fmt: skip
NAMES: Final = CityNames(QUANCHENG_CITY, "en")
TIMES: Final = CityTimes(QUANCHENG_CITY.zone, START, "en", QUANCHENG_CITY)


def order_of_case() -> Order:
    case_id = in_hand().case_id
    return Order(
        order_id="00000000-0000-5000-8000-000000000001", case_id=case_id, version=3, department="minghu-management",
        place=Place(), round=3, dispatched_at=START, rule="by_hand",
    )  # fmt: skip


def drawn_case(rounds: tuple[ShownRound, ...]) -> str:
    page = CasePage(
        summary=summary_of(in_hand()), names=NAMES, times=TIMES, map=None, order=order_of_case(), rounds=rounds
    )
    return draw(page, "department:minghu-management")


def drawn_desk(rounds: tuple[ShownRound, ...]) -> str:
    task = Task(summary_of(in_hand()), (), order=order_of_case(), status="handling", rounds=rounds)
    page = DeskPage(
        desk=DESKS[0], tasks=[task], done_tasks=(), seen=0, total=None, words="",
        after=None, names=NAMES, times=TIMES, unavailable=False, cities={}, back="/desk",
        done="", done_case="", deed="",
    )  # fmt: skip
    return draw(page, "department:minghu-management")


def test_the_case_tells_every_earlier_round_with_reason_photos_and_what_was_sent() -> None:
    page = drawn_case(tuple(parse_rounds(ANSWER)))

    assert page.index("dissatisfied") < page.index("The inspection failed.")
    for told in ("still &lt;b&gt;wet&lt;/b&gt;", "it came back", "swept", PHOTOS[0], PHOTOS[1]):
        assert told in page, told


def test_the_desk_tells_why_the_last_round_ended() -> None:
    page = drawn_desk(tuple(parse_rounds({"rounds": ANSWER["rounds"][:1]})))

    assert "The inspection failed." in page
    assert "still &lt;b&gt;wet&lt;/b&gt;" in page
    assert PHOTOS[0] in page


def test_a_dispatch_that_tells_of_no_rounds_is_understood() -> None:
    assert list(parse_rounds({})) == []
    assert "past-round" not in drawn_case(())
    assert "past-round" not in drawn_desk(())
