"""A small city as a pack, with short ids, so that edge cases are easy to write."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from paidan_contracts.city import City, Pack
from paidan_dispatch.cases.policy import CityPolicy

HOLIDAYS_2026 = ["01-01", "01-02", "01-03", *(f"02-{day}" for day in range(15, 24)), "04-04", "04-05", "04-06"]
MAKE_UP_DAYS_2026 = ["01-04", "02-14", "02-28"]
FIRST_DAY, LAST_DAY = datetime(2025, 12, 29, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC)


def _names(word: str) -> dict[str, str]:
    return {"zh": word, "en": word}


def _calendar_days() -> list[dict[str, Any]]:
    days = [FIRST_DAY + timedelta(days=number) for number in range((LAST_DAY - FIRST_DAY).days + 1)]
    return [{"date": day.date().isoformat(), "working": _is_working_day(day)} for day in days]


def _is_working_day(day: datetime) -> bool:
    short = f"{day:%m-%d}"
    if day.year == 2026 and short in HOLIDAYS_2026 + MAKE_UP_DAYS_2026:
        return short in MAKE_UP_DAYS_2026
    return day.weekday() < 5


def build_row(class_code: str, condition: str, limit: str | None, **more: object) -> dict[str, Any]:
    """Return a row of the catalogue."""
    amount, _, unit = (limit or "").partition(" ")
    return {
        "id": f"{class_code}-{condition}",
        "class_code": class_code,
        "condition": condition,
        "filing": _names("filing"),
        "closing": _names("closing"),
        "limit": {"amount": int(amount), "unit": unit} if limit else None,
        **more,
    }


def _department(id_: str, kind: str = "office", **more: object) -> dict[str, Any]:
    return {"id": id_, "names": _names(id_), "kind": kind, **more}


def _source(id_: str, kind: str, *, trusted: bool, **more: object) -> dict[str, Any]:
    return {"id": id_, "names": _names(id_), "kind": kind, "trusted": trusted, **more}


def _class(code: str) -> dict[str, Any]:
    return {"code": code, "names": _names(code), "big": _names("big")}


DEPARTMENTS: Final[list[dict[str, Any]]] = [
    _department("north", "street", district="1"),
    _department("south", "street", district="2"),
    _department("roads"),
    _department("night"),
    _department("water"),
]
SOURCES: Final[list[dict[str, Any]]] = [
    _source("hotline", "hotline", trusted=True),
    _source("app", "photo", trusted=False),
    _source("phone", "hotline", trusted=True, callback=True),
    _source("camera", "camera", trusted=False, min_confidence=0.8),
    _source("records", "import", trusted=True),
]
CATALOGUE: Final[dict[str, Any]] = {
    "generation": "made up",
    "classes": [_class(code) for code in ("E0110", "E0111", "C0101", "E0505", "E0601", "E0602")],
    "rows": [
        build_row("E0110", "1", "4 working_hour", default=True),
        build_row("E0110", "2", "1 working_day", evidence=["photo_after"]),
        build_row("E0111", "1", "5 working_day", default=True),
        build_row("C0101", "1", "2 urgent_hour", default=True),
        build_row("E0505", "1", None, default=True),
        build_row("E0601", "1", "4 working_hour", default=True),
    ],
}
ROUTING: Final[list[dict[str, Any]]] = [
    {"id": "at-night", "classes": ["E0110"], "when": {"hours": ["22:00-06:00"]}, "lead": "night"},
    {"id": "owner-first", "classes": ["C*"], "lead": "owner"},
    {"id": "big-heaps", "classes": ["E0110"], "conditions": ["2"], "lead": "roads"},
    {"id": "streets", "classes": ["E01*"], "lead": "district:street"},
    {"id": "rest", "classes": ["E0*", "C*"], "places": ["1", "2"], "lead": "roads"},
]
CALENDAR: Final[dict[str, Any]] = {
    "first": FIRST_DAY.date().isoformat(),
    "last": LAST_DAY.date().isoformat(),
    "shifts": [{"begin": "08:00", "end": "12:00"}, {"begin": "14:00", "end": "18:00"}],
    "source": "State Council's notice, cut short",
    "days": _calendar_days(),
}
CLOCK_LIMITS: Final[dict[str, Any]] = {
    **{stage: {"amount": 15, "unit": "urgent_minute"} for stage in ("dispatch", "verify", "inspect")},
    "accept": {"amount": 30, "unit": "urgent_minute"},
    "callback": {"amount": 1, "unit": "working_day"},
    "reopening": {
        "times": 1,
        "within": {"amount": 10, "unit": "urgent_day"},
        "limit": {"amount": 2, "unit": "urgent_hour"},
    },
    "extension": {"times": 2, "chain": ["department_chief", "dispatcher"]},
    "suspension": {"days": 365, "chain": ["dispatcher"]},
    "appeal": {"chain": ["dispatcher", "acceptor"], "within": {"amount": 10, "unit": "working_day"}},
    "hand_set": {"duties": ["dispatcher"]},
}
MATCHING: Final[dict[str, Any]] = {
    "radius_m": 50,
    "window_h": 72,
    "recurrence": {"amount": 2, "unit": "urgent_day"},
    "channels": ["hotline", "photo", "camera", "import"],
    "by_class": [{"classes": ["E0111"], "radius_m": 5}, {"classes": ["E0505"], "off": True}],
}
SCREENING: Final[dict[str, Any]] = {"refire_s": 60, "report_at": 0.8, "review_at": 0.5}
INDICATORS: Final[dict[str, Any]] = {"version": "1", "basis": "made up", "counts": [], "rates": []}
GEOGRAPHY: Final[dict[str, Any]] = {
    "places": [
        {"code": "1", "level": "district", "names": _names("one")},
        {"code": "2", "level": "district", "names": _names("two")},
    ]
}
PACK: Final[dict[str, Any]] = {
    "id": "town",
    "names": _names("town"),
    "zone": "Asia/Shanghai",
    "area_level": "city",
    "departments": DEPARTMENTS,
    "sources": SOURCES,
    "catalogue": CATALOGUE,
    "routing": ROUTING,
    "calendar": CALENDAR,
    "clocks": CLOCK_LIMITS,
    "matching": MATCHING,
    "screening": SCREENING,
    "indicators": INDICATORS,
    "geography": GEOGRAPHY,
    "construction": {"duties": ["dispatcher"]},
    "settlement": {"duties": ["inspector", "steward"], "photo": False},
}


LADDER: Final[dict[str, Any]] = {
    "levels": [
        {"id": "watched", "names": {"zh": "关注", "en": "Watched"}},
        {"id": "leader", "names": {"zh": "领导", "en": "Leader"}, "posts": ["mayor", "desk-1", "desk-2"]},
        {"id": "supervised", "names": {"zh": "督办", "en": "Supervised"}},
        {"id": "listed", "names": {"zh": "挂牌督办", "en": "Listed"}},
    ],
    "steps": [
        {
            "id": "to-listed",
            "names": _names("to listed"),
            "clock": "handle",
            "after": {"amount": 1, "unit": "working_day"},
            "levels": ["listed"],
        },
        {
            "id": "to-leader",
            "names": _names("to the leader"),
            "clock": "handle",
            "after": {"amount": 1, "unit": "working_hour"},
            "levels": ["leader", "supervised"],
        },
        {"id": "urge", "names": _names("urged as overdue"), "clock": "handle"},
        {"id": "urge-to-accept", "names": _names("urged to accept"), "clock": "accept"},
        {
            "id": "watch",
            "names": _names("watched"),
            "clock": "handle",
            "share": 0.9,
            "classes": ["E0110"],
            "sources": ["hotline"],
            "places": ["1"],
            "levels": ["watched"],
        },
        {"id": "held", "names": _names("held too long"), "clock": "dispatch", "levels": ["leader"]},
    ],
}


def pack_document() -> dict[str, Any]:
    """Return a copy of the pack, for tests that change it."""
    return deepcopy(PACK)


def policy_of(pack: dict[str, Any]) -> CityPolicy:
    """Return the policy of a pack."""
    return CityPolicy.from_city(City.of(Pack.model_validate(pack)))


def policy_with_helpers(pattern: str, lead: str, helpers: list[str]) -> CityPolicy:
    """Return the policy of the pack with a first rule, ``together``, that names departments to help."""
    document = pack_document()
    document["routing"].insert(0, {"id": "together", "classes": [pattern], "lead": lead, "helpers": helpers})
    return policy_of(document)


@cache
def default_policy() -> CityPolicy:
    """Return the policy of the unchanged pack."""
    return policy_of(pack_document())
