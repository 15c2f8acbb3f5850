"""Ids are for ever: what they are made of may never change, nor how."""

import json
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts import ids

NAMESPACE = UUID("6f1c9c5e-2d0b-5c58-9c0e-7b2f6a5a7d10")
parts = st.lists(st.text('ab"\\/\n\x7f中', max_size=5) | st.integers(-3, 2**60), max_size=4)


@given(parts)
def test_an_id_is_the_uuid5_of_the_compact_json_array_of_its_cause(cause: list[str | int]) -> None:
    """Anybody can make the same id with the standard library of any language."""
    array = json.dumps(cause, ensure_ascii=False, separators=(",", ":"))

    assert ids.cause_id(*cause) == uuid5(NAMESPACE, array)


def test_ids_in_use_stay_what_they_are() -> None:
    assert ids.report_id("hotline", "1") == "b8664189-32ab-505f-932f-1128d95ce19c"
    assert ids.case_id("town", ids.report_id("hotline", "1")).startswith("town-")


@pytest.mark.parametrize("area", ["quancheng", "quancheng.370102"])
def test_a_case_id_names_its_area(area: str) -> None:
    assert ids.area_of(ids.case_id(area, "x")) == area


def test_what_names_no_area_is_refused() -> None:
    with pytest.raises(ValueError, match="<area>"):
        ids.area_of("0" * 32)
