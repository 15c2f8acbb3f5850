"""Personal data in free text is masked, and other numbers stay readable."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.pii_mask import is_card_number, is_identity_number, mask

FILLER = st.text("垃圾东街的。，：;()（）abc 电话号码", max_size=12)
MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
LANDLINES = st.from_regex(r"0[1-9][0-9]{1,2}-[2-8][0-9]{6,7}", fullmatch=True)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


@st.composite
def identities(draw: st.DrawFn) -> str:
    """Draw a valid identity number."""
    birth_date = draw(st.dates(min_value=date(1930, 1, 1), max_value=date(2025, 1, 1)))
    head = f"{draw(st.integers(110000, 659999))}{birth_date:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return next(head + last for last in "0123456789X" if is_identity_number(head + last))


@st.composite
def cards(draw: st.DrawFn) -> str:
    """Draw a valid card number of 16 to 19 digits, some in groups of four."""
    head = draw(st.from_regex(r"(62|4|5)[0-9]{14,16}", fullmatch=True))[:18]
    number = next(head + last for last in "0123456789" if is_card_number(head + last))
    return re.sub(r"(.{4})(?=.)", r"\1 ", number) if draw(st.booleans()) and len(number) in (16, 19) else number


NUMBERS = st.one_of(MOBILES, LANDLINES, identities(), cards())


@given(before=FILLER, number=NUMBERS, after=FILLER, wide=st.booleans())
def test_no_personal_number_survives(before: str, number: str, after: str, wide: bool) -> None:
    written = number.translate(FULL_WIDTH) if wide else number

    masked = mask(before + written + after)

    assert written not in masked.text
    assert not re.search(r"[0-9０-９]{6}", masked.text)
    assert len(masked.text) == len(before + written + after)
    assert (masked.text[: len(before)], masked.text[len(before + written) :]) == (before, after)


@given(text=st.text(alphabet="0123456789-+ ()（）垃圾xX", max_size=60))
def test_masking_again_changes_nothing(text: str) -> None:
    once = mask(text)

    assert mask(once.text).text == once.text
    assert mask(once.text).counts == {}


@pytest.mark.parametrize(
    "text",
    [
        "订单20260302103000123456",
        "工单370102199001011239",
        "单元网格370102001003001",
        "部件3205080101000001",
        "12345热线，110，400-820-8820",
        "2026-03-02 10:30:00",
        "限高4.5米，10万元，门牌1288号",
        "没有数字",
    ],
)
def test_other_numbers_stay_readable(text: str) -> None:
    """Whoever handles the case needs order numbers, grid cells and dates."""
    assert mask(text).text == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("13812345678", "mobile"),
        ("+86 138-1234-5678", "mobile"),
        ("8613812345678", "mobile"),
        ("138 1234 5678", "mobile"),
        ("0531-82345678", "landline"),
        ("(0531)82345678", "landline"),
        ("（０５３１）82345678", "landline"),
        ("+86-531-82345678", "landline"),
        ("11010519491231002X", "identity"),
        ("110105 19491231 002x", "identity"),
        ("4111 1111 1111 1111", "card"),
        ("6222-0212-3456-7894", "card"),
    ],
)
def test_every_notation_is_masked(text: str, kind: str) -> None:
    masked = mask(f"我是{text}，请回电")

    assert (masked.text, masked.counts) == (f"我是{'*' * len(text)}，请回电", {kind: 1})


def test_reporter_details_are_masked_in_text() -> None:
    """The text must not identify the reporter."""
    masked = mask("我是王小明，住西街1号，电话82345678，王小明", reporter_terms=["王小明", "西街1号", "82345678", "王"])

    assert masked.text == "我是***，住****，电话********，***"
    assert masked.counts == {"named": 4}
