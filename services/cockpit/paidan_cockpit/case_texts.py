"""What a case is found by: its words, and facets beside them. Pure."""

from datetime import datetime
from typing import NamedTuple

from paidan_cockpit.case_rows import ReadModelRow
from paidan_cockpit.facets import facets_of
from paidan_cockpit.search_words import words_of


class CaseText(NamedTuple):
    """The columns of a stored row from which its words follow, and those by which words are in order."""

    case_id: str
    city: str
    reported_at: datetime
    text: str
    more_text: str
    address: str | None
    status: str
    source: str
    class_code: str | None
    district: str | None
    street: str | None
    community: str | None
    department: str | None
    helpers: list[str]


def words_of_case(found: CaseText | ReadModelRow) -> str:
    """Return the words and facets of a case, joined by spaces."""
    words = words_of("\n".join(filter(None, (found.text, found.more_text, found.address))))
    places, departments = (found.district, found.street, found.community), (found.department, *found.helpers)
    return " ".join(words + facets_of(found.status, found.class_code, found.source, places, departments))
