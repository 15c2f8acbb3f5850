"""What is built without validation from a valid ticket is what validation would make of it, to the byte."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from paidan_chassis.kafka.cloudevents import encode_body
from paidan_contracts.reports import ReportReceived
from paidan_intake.api.models import AcceptedReport
from paidan_intake.api.submission import accepted_answer, accepted_body
from paidan_intake.normalization import NormalizedReport, Sender, normalize
from paidan_intake.report_digest import DigestKeys
from paidan_intake.tickets import Ticket
from tests.contracts.city_packs import load_tiny

NOW: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)
CITY: Final = load_tiny()
KEYS: Final = DigestKeys(b"k" * 32)
PHONE: Final = "13812345678"
WORDS: Final = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.integers(),
    st.sampled_from(
        ["", " ", "环境卫生/暴露垃圾", f"王敏 {PHONE}", "\u202e暗", "990101", "E0110", "投诉", "a" * 200, "桶" * 200]
    ),
)
TIMES: Final = st.one_of(
    st.none(),
    st.datetimes(NOW.replace(tzinfo=None) - timedelta(days=5000), NOW.replace(tzinfo=None) + timedelta(days=2)).map(
        datetime.isoformat
    ),
    st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "1899-01-01T00:00:00", "2026/3/2 9:30"]),
)
COORDINATES: Final = st.one_of(
    st.none(), st.integers(-180, 180), st.floats(-180, 180), st.sampled_from([117.005, 36.005, 0])
)
POSITIONS: Final = st.one_of(
    st.none(),
    st.just({"x": 117.005, "y": 36.005}),
    st.fixed_dictionaries(
        {"x": COORDINATES, "y": COORDINATES}, optional={"crs": st.sampled_from(["wgs84", "GCJ-02", "bd09", "cgcs2000"])}
    ),
)
BODIES: Final = st.fixed_dictionaries(
    {"source_ref": st.one_of(st.text(min_size=1, max_size=200), st.integers())},
    optional={
        **dict.fromkeys(("matter", "category", "class_code", "condition", "text", "district", "address"), WORDS),
        "suggested_owner": st.sampled_from([None, "sanitation", "nobody"]),
        "reporter": st.one_of(st.none(), st.fixed_dictionaries({}, optional={"name": WORDS, "phone": WORDS})),
        **{name: st.booleans() for name in ("wants_callback", "confidential", "secrecy")},
        "position": POSITIONS,
        "photos": st.lists(st.just("a" * 64 + ".jpg"), max_size=20),
        **dict.fromkeys(("occurred_at", "promised_by"), TIMES),
    },
)


@given(body=BODIES, source=st.sampled_from(["hotline", "photo", "patrol"]), may_backdate=st.booleans())
def test_report_and_answer_are_those_that_validation_makes(
    body: dict[str, Any], source: str, *, may_backdate: bool
) -> None:
    try:
        ticket = Ticket.model_validate_json(json.dumps(body))
    except ValidationError:
        return
    found = normalize(ticket, Sender(CITY.sources[source], CITY, may_backdate), NOW, digest_keys=KEYS)
    if not isinstance(found, NormalizedReport):
        return
    report = ReportReceived.model_validate(found.report.model_dump())
    answer = accepted_body(found.report, found)

    assert report == found.report
    assert encode_body(report) == encode_body(found.report)
    assert accepted_answer(answer).content.decode() == AcceptedReport.model_validate(dict(answer)).model_dump_json(
        exclude_defaults=True
    )
