"""Ids never change: neither their causes nor how they are computed."""

import json
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts import ids

NAMESPACE = UUID("6f1c9c5e-2d0b-5c58-9c0e-7b2f6a5a7d10")
parts = st.lists(st.text('ab"\\/\n\x7f中', max_size=5) | st.integers(-3, 2**60), max_size=4)


@given(parts)
def test_id_is_the_uuid5_of_the_compact_json_array_of_its_cause(cause: list[str | int]) -> None:
    """The standard library of any language computes the same id."""
    array = json.dumps(cause, ensure_ascii=False, separators=(",", ":"))

    assert ids.cause_id(*cause) == uuid5(NAMESPACE, array)


def test_ids_in_use_do_not_change() -> None:
    assert ids.report_id("hotline", "1") == "b8664189-32ab-505f-932f-1128d95ce19c"
    assert ids.case_id("town", ids.report_id("hotline", "1")).startswith("town-")


@pytest.mark.parametrize("area", ["quancheng", "quancheng.370102"])
def test_case_id_begins_with_its_area(area: str) -> None:
    assert ids.area_of(ids.case_id(area, "x")) == area


def test_id_without_an_area_is_refused() -> None:
    with pytest.raises(ValueError, match="<area>"):
        ids.area_of("0" * 32)
