"""What other systems write for what is absent, for text and for times."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError, WrapValidator

from paidan_contracts import lenient


class Seen(BaseModel):
    """A time."""

    at: Annotated[datetime | None, WrapValidator(lenient.read_time)] = None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2026030200017, "2026030200017"),
        (2026030200017.0, "2026030200017"),
        (0, "0"),
        (-3, "-3"),
        (0.5, "0.5"),
        ("007", "007"),
        ("", None),
        ("  \t\n", None),
        ("\u3000", None),
        (None, None),
    ],
)
def test_numbers_are_text_and_blanks_are_absent(value: object, text: str | None) -> None:
    assert lenient.optional_text(value) == text
    assert lenient.text_or_empty(value) == (text or "")


@pytest.mark.parametrize("value", [True, ["a"], {"a": 1}, float("nan"), float("inf")])
def test_other_values_are_left_to_the_field(value: object) -> None:
    assert lenient.optional_text(value) is value


@pytest.mark.parametrize(
    ("value", "found"),
    [(-0.1, None), (-1, None), ("-1", None), ("", None), (None, None), (0, 0), (0.5, 0.5), ("0.9", "0.9"), (93, 93)],
)
def test_a_negative_number_is_unknown(value: object, found: object) -> None:
    assert lenient.none_if_negative(value) == found


@pytest.mark.parametrize(
    "value", ["", " ", {}, None, {"x": None, "y": None}, {"x": "", "y": None, "crs": "gcj02"}, {"crs": None}]
)
def test_a_position_without_coordinates_is_none(value: object) -> None:
    assert lenient.none_if_no_coordinates(value) is None


@pytest.mark.parametrize("value", [{"x": 117}, {"x": 0, "y": 0}, {"x": None, "y": 36}, {"lon": 1}, [1, 2]])
def test_half_a_position_is_left_to_the_field(value: object) -> None:
    assert lenient.none_if_no_coordinates(value) == value


WEST = timezone(timedelta(hours=-8))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-02T09:30:00", datetime(2026, 3, 2, 9, 30)),  # noqa: DTZ001 - it is stated without a zone
        ("2026-03-02 09:30", datetime(2026, 3, 2, 9, 30)),  # noqa: DTZ001
        ("2026/3/2 9:30", datetime(2026, 3, 2, 9, 30)),  # noqa: DTZ001
        ("2026年3月2日 09:30:05", datetime(2026, 3, 2, 9, 30, 5)),  # noqa: DTZ001
        ("2026-03-02T09:30:00-8:00", datetime(2026, 3, 2, 9, 30, tzinfo=WEST)),
        ("2026-03-02T09:30:00-8", datetime(2026, 3, 2, 9, 30, tzinfo=WEST)),
        ("2026-03-02T09:30:00-0800", datetime(2026, 3, 2, 9, 30, tzinfo=WEST)),
        ("2026-03-02 09:30:00.25 -08:00", datetime(2026, 3, 2, 9, 30, 0, 250_000, tzinfo=WEST)),
        ("2026-03-02 09:30:00 UTC", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-02 09:30:00 GMT-8", datetime(2026, 3, 2, 9, 30, tzinfo=WEST)),
        ("20260302093000", datetime(2026, 3, 2, 9, 30)),  # noqa: DTZ001
        (20260302093000, datetime(2026, 3, 2, 9, 30)),  # noqa: DTZ001
        ("202603020930", datetime(2026, 3, 2, 9, 30)),  # noqa: DTZ001
        ("20260302", datetime(2026, 3, 2)),  # noqa: DTZ001
        ("20260302T093000-0800", datetime(2026, 3, 2, 9, 30, tzinfo=WEST)),
        (1772415000, datetime(2026, 3, 2, 1, 30, tzinfo=UTC)),
        ("1772415000000", datetime(2026, 3, 2, 1, 30, tzinfo=UTC)),
        ("2026-03-02T09:30:00Z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_in_many_spellings(text: object, time: datetime | None) -> None:
    assert Seen.model_validate({"at": text}).at == time


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01",
        "20260302T09",
        "20260230093000",
        "2026-02-30 9:30",
        "2026-03-02 25:00",
        "9:30",
        "2026-3-2x",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Seen.model_validate({"at": text})


@given(
    st.one_of(
        st.text(max_size=80), st.integers(), st.floats(), st.none(), st.text("0123456789-:/T +年月日", max_size=60)
    )
)
def test_nothing_but_a_validation_error_is_raised(value: Any) -> None:  # noqa: ANN401
    try:
        Seen.model_validate({"at": value})
    except ValidationError:
        return
