"""A list's address says which cases it shows; whatever else is in it changes nothing."""

from datetime import timedelta

import pytest

from paidan_cockpit.pages.csv_table import csv_table
from paidan_cockpit.pages.queue_filter import QueueFilter


def test_an_address_is_read_back_as_it_was_written() -> None:
    queue_filter = QueueFilter(queue="overdue", district="370102", words="井盖", order="newest")

    assert QueueFilter.parse({"queue": "overdue", "district": "370102", "words": "井盖", "order": "newest"}) == (
        queue_filter
    )
    assert queue_filter.query() == "queue=overdue&district=370102&order=newest&words=%E4%BA%95%E7%9B%96"


def test_what_cannot_be_is_left_out() -> None:
    query = {"queue": "nothing", "district": "' OR 1=1", "order": "sideways", "unknown": "1", "within": "5"}

    assert QueueFilter.parse(query) == QueueFilter()


def test_a_change_leads_back_to_the_first_page() -> None:
    queue_filter = QueueFilter(after="x", department="streets")

    assert queue_filter.query(queue="overdue") == "queue=overdue&department=streets"
    assert "after=y" in queue_filter.query(after="y")


def test_an_address_always_says_its_queue() -> None:
    """Without one the visitor's post decides, and an address sent to a colleague would show another queue."""
    assert QueueFilter().query() == "queue=open"
    assert QueueFilter.from_query(QueueFilter(words="a&b=c").query()) == QueueFilter(words="a&b=c")


@pytest.mark.parametrize(
    ("words", "number"),
    [("#3fa9b2", "3fa9b2"), ("tiny-3FA9B2c0", "3fa9b2c0"), ("dead", None), ("12", None), ("井盖", None)],
)
def test_a_number_is_told_from_words(words: str, number: str | None) -> None:
    queue_filter = QueueFilter(words=words)

    assert queue_filter.number == number
    assert bool(queue_filter.word_list) == (number is None)


def test_soon_is_what_the_visitor_chose() -> None:
    assert QueueFilter.parse({"within": "72"}).soon == timedelta(hours=72)


@pytest.mark.parametrize("cell", ["=1+1", " =1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "\t=1", "\r=1", "\n=1"])
def test_a_table_runs_nothing_in_a_spreadsheet(cell: str) -> None:
    _, line = csv_table(("number", "text"), [("case", cell)]).split("\r\n", maxsplit=1)

    assert f"'{cell[0]}" in line
