"""Which cases a list shows, and in which order: read from an address, and written into one. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self, get_args
from urllib.parse import parse_qsl, urlencode

from pydantic import StringConstraints, TypeAdapter, ValidationError

from paidan_cockpit.case_marks import mark
from paidan_cockpit.facets import RARE_ENDS, class_facets, place_facets
from paidan_cockpit.search_words import words_of
from paidan_contracts.state import Status
from paidan_contracts.time_limits import RequestKind
from paidan_contracts.wire import Code, ShortText, Slug

Queue = Literal[
    "open", "in-work", "placing", "planned", "verification", "returned", "overdue", "due-soon", "escalated", "requests",
    "inspection", "callback", "all",
]  # fmt: skip
QUEUES: Final[tuple[Queue, ...]] = get_args(Queue)
Order = Literal["due", "newest", "oldest"]
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
Hours = Literal["4", "24", "72", "168"]
"""How soon a due time is soon; a person chooses."""
HOURS: Final[tuple[Hours, ...]] = get_args(Hours)
_NUMBER_DIGITS: Final = frozenset("0123456789abcdef")
_MIN_NUMBER: Final = 4
_MAX_NUMBER: Final = 10
"""A longer one, by a city's pattern or a source's own, is found as a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """Which cases of a city, in which order. None and empty mean no restriction."""

    queue: Queue = "open"
    city: str | None = None
    status: Status | None = None
    department: str | None = None
    class_code: str | None = None
    district: str | None = None
    street: str | None = None
    work_grid: str | None = None
    source: str | None = None
    request: RequestKind | None = None
    decides: str | None = None
    level: str | None = None
    answerable: str | None = None
    helper: str | None = None
    complaint: Literal["yes"] | None = None
    verifier: str | None = None
    """The post whose task it is to verify the cases."""
    within: Hours = "24"
    order: Order = "due"
    words: str = ""
    after: str | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter that an address asks for. What cannot be is left out: an old address still opens."""
        values: dict[str, Any] = {
            name: value for name in _ADAPTERS if (value := _parse(name, query.get(name, ""))) is not None
        }
        return cls(**values)

    @classmethod
    def from_query(cls, text: str) -> Self:
        """Return the filter of an address's query, as `query` wrote it."""
        return cls.parse(dict(parse_qsl(text)))

    def query(self, **changes: Any) -> str:  # noqa: ANN401 - values of this class's own fields
        """Return the address's query for this filter with some changes; a change leads back to the first page."""
        changed = replace(self, **({"after": None} | changes))
        pairs = [(name, getattr(changed, name)) for name in _ADAPTERS]
        # The queue always: which one is first without it, the person's post says.
        return urlencode(
            [(name, value) for name, value in pairs if value and (name == "queue" or value != _DEFAULTS[name])]
        )

    @property
    def by_report(self) -> bool:
        """Whether the order is by the time of the report; ended cases have no due time to be ordered by."""
        return self.order != "due" or self.queue in ("all", "callback", "requests") or bool(self.word_list)

    @property
    def newest_first(self) -> bool:
        """Whether the newest report comes first."""
        return self.order != "oldest"

    @property
    def number(self) -> str | None:
        """The beginning of a case's number, if that is what was searched for."""
        text = self.words.strip().lower().rpartition("-")[2].removeprefix("#")
        is_number = _MIN_NUMBER <= len(text) <= _MAX_NUMBER and set(text) <= _NUMBER_DIGITS and not text.isalpha()
        return text if is_number else None

    @property
    def word_list(self) -> list[str]:
        """The words that were searched for."""
        return [] if self.number else words_of(self.words)

    @property
    def has_rare_restriction(self) -> bool:
        """Whether it is restricted by what few people ask for."""
        return any((self.level, self.answerable, self.helper, self.complaint, self.verifier))

    def marks(self) -> Iterator[str]:
        """Yield the marks that every case has; but for that of a complaint, which names whom it is about."""
        if self.request is not None:
            yield mark("request", self.request)
        if self.decides is not None:
            yield mark("decides", self.decides)
        if self.level is not None:
            yield mark("level", self.level)
        if self.answerable is not None:
            yield self.answerable
        if self.verifier is not None:
            yield mark("verifier", self.verifier)

    def facets(self) -> Iterator[list[str]]:
        """Yield facets of which every case has at least one that is asked for."""
        if self.status in RARE_ENDS:
            yield [f"status={self.status}"]
        if self.class_code is not None:
            yield class_facets([self.class_code])
        for place in filter(None, (self.district, self.street)):
            yield place_facets([place])
        yield from ([f"department={each}"] for each in (self.department, self.helper) if each is not None)
        if self.source is not None:
            yield [f"source={self.source}"]

    @property
    def soon(self) -> timedelta:
        """How soon a due time is soon."""
        return timedelta(hours=int(self.within))


_AnswerableMark = Annotated[str, StringConstraints(pattern=r"^(leader|office|unit)=[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A mark of who answers for a case beside its department."""
_ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    "queue": TypeAdapter(Queue),
    "city": TypeAdapter(Slug),
    "status": TypeAdapter(Status),
    "department": TypeAdapter(Slug),
    "class_code": TypeAdapter(Code),
    "district": TypeAdapter(Code),
    "street": TypeAdapter(Code),
    "work_grid": TypeAdapter(Slug),
    "source": TypeAdapter(Slug),
    "request": TypeAdapter(RequestKind),
    "decides": TypeAdapter(Code),
    "level": TypeAdapter(Code),
    "answerable": TypeAdapter(_AnswerableMark),
    "helper": TypeAdapter(Slug),
    "complaint": TypeAdapter(Literal["yes"]),
    "verifier": TypeAdapter(Code),
    "within": TypeAdapter(Hours),
    "order": TypeAdapter(Order),
    "words": TypeAdapter(ShortText),
    "after": TypeAdapter(ShortText),
}
_DEFAULTS: Final = {name: getattr(QueueFilter(), name) for name in _ADAPTERS}


def _parse(name: str, value: str) -> object:
    try:
        return _ADAPTERS[name].validate_python(value) if value else None
    except ValidationError:
        return None
