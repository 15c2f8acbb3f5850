"""Cases of the demo city as their page gets them, for tests of what it shows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal

from paidan_cockpit.pages.case_reasons import Reasons
from paidan_cockpit.pages.case_record import CaseRecord, ShownReceipt
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations
from paidan_contracts.assignments import RuleRef
from paidan_contracts.case_event import CaseEvent, Cause
from paidan_contracts.city.loader import load_city
from paidan_contracts.reports import JoinedReport
from paidan_contracts.state import CaseState
from tests.contracts.city_packs import QUANCHENG
from tests.scoring.case_histories import START, assign, new_case

QUANCHENG_CITY: Final = load_city(QUANCHENG)
CAUSE: Final = Cause(kind="report", id="00000000-0000-5000-8000-000000000001")
PHOTOS: Final = tuple(f"{n}" * 64 + ".jpg" for n in range(4))
HOUR: Final = timedelta(hours=1)
HERE: Final = (117.03, 36.65)
LANGUAGES: Final[Sequence[Language]] = ("en", "zh")


def event_of(state: CaseState, kind: type[CaseEvent], **fields: object) -> CaseEvent:
    values = {"case_id": state.case_id, "version": state.version, "cause": CAUSE, "state": state}
    return kind(**(values | {"occurred_at": START, "recorded_at": START} | fields))


def joined(number: int, **fields: object) -> JoinedReport:
    values = {"report_id": f"0000000{number}-0000-5000-8000-000000000000", "source": "hotline-12345",
              "channel": "hotline", "recorded_at": START + number * HOUR}  # fmt: skip
    return JoinedReport.model_validate(values | fields)


def reasons(record: CaseRecord, language: Literal["en", "zh"] = "en") -> dict[str, str]:
    city = QUANCHENG_CITY
    names, translate = CityNames(city, language), translations(language).gettext
    told = Reasons(translate, CityTimes(city.zone, START, language, city), {city.version: city}, names).reasons(record)
    return {each.subject: each.sentence for each in told}


def in_hand(**fields: object) -> CaseState:
    """Return a case of the demo city that a rule gave to a department, 4 working hours long."""
    state = assign("minghu-management")(opened(**fields), START)
    assert state is not None
    [assignment] = state.assignments
    by_rule = RuleRef(rule="street-order", city_version=QUANCHENG_CITY.version)
    return state.model_copy(update={"assignments": (assignment.model_copy(update={"placed_by": by_rule}),)})


def opened(**fields: object) -> CaseState:
    state = new_case(1, pack=QUANCHENG_CITY.version, city="quancheng")
    return state.model_copy(update={"source": "hotline-12345", **fields})


def record_of(state: CaseState, *events: CaseEvent) -> CaseRecord:
    placed = [
        ShownReceipt(decision="placed", rule=each.placed_by.rule, city_version=each.placed_by.city_version,
                     department=each.department)
        for each in state.assignments
    ]  # fmt: skip
    return CaseRecord(state, list(events), placed, chain_holds=True, unknown_steps=0)
