"""Personal data in free text is masked, and other numbers stay readable."""

import ast
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.city import load_city
from paidan_contracts.pii_kinds import is_card_number, is_identity_number
from paidan_contracts.pii_mask import mask
from paidan_contracts.pii_words import COMMON_TERMS, InvalidShape, parse_shape
from tests.contracts.city_packs import LOSANGELES

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


def examples(name: str) -> list[str]:
    """Return the texts of a file, one a line; \\n, \\u200b and the like are escapes."""
    file = Path(__file__).parent / "pii_examples" / f"{name}.txt"
    return [_unescape(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _unescape(text: str) -> str:
    return re.sub(r"\\(n|r|t|u[0-9a-f]{4})", lambda found: str(ast.literal_eval(f"'{found[0]}'")), text)


@pytest.mark.parametrize("text", examples("other_numbers"))
def test_other_numbers_stay_readable(text: str) -> None:
    """Whoever handles the case needs order numbers, grid cells and dates."""
    assert mask(text).text == text


@pytest.mark.parametrize("text", examples("things"))
def test_number_that_words_mark_as_a_things_stays(text: str) -> None:
    """Without the number of the meter or the lid nobody finds it."""
    assert mask(text).text == text


@pytest.mark.parametrize("text", examples("persons"))
def test_personal_data_is_masked_however_it_is_written(text: str) -> None:
    masked = mask(f"我是{text}，请回电")

    assert masked.counts
    assert not re.search("[0-9a-zA-Z@一二三四五六七八九零]{3}", re.sub(r"\W", "", masked.text))
    assert (masked.text[:2], masked.text[-4:]) == ("我是", "，请回电")


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wechat: wang-min", "wechat: ********"),
        ("my WeChat id wangmin", "my WeChat id *******"),
        ("skype wang_min", "skype ********"),
        ("passport number E12345678, thanks", "passport number *********, thanks"),
    ],
)
def test_accounts_are_masked_in_english_texts(text: str, expected: str) -> None:
    assert mask(text).text == expected


def test_reporter_details_are_masked_in_text() -> None:
    """The text must not identify the reporter."""
    masked = mask("我是王小明，住西街1号，电话82345678，王小明", reporter_terms=["王小明", "西街1号", "82345678", "王"])

    assert masked.text == "我是***，住****，电话********，***"
    assert masked.counts == {"named": 4}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("高新", "我是高新，住高新区，高新路与大学路路口", "我是**，住高新区，高新路与大学路路口"),
        ("高新", "高新区长", "**区长"),
        ("王敏", "王敏路过，王 敏说，王\u200b敏说", "**路过，***说，**说"),
        ("Ann Lee", "Ann Lee said, ann-lee said", "******* said, ******* said"),
        ("Ann", "Planned by Ann", "Planned by ***"),
        ("Wilshire", "Wilshire lives at Wilshire Blvd", "******** lives at Wilshire Blvd"),
        ("李小区", "我叫李小区", "我叫***"),
    ],
)
def test_name_that_is_part_of_a_place_or_word_eats_neither(name: str, text: str, expected: str) -> None:
    assert mask(text, reporter_terms=[name]).text == expected


def test_names_of_the_citys_places_stay() -> None:
    terms = replace(COMMON_TERMS, place_names=frozenset({"明湖西苑", "趵突泉"}))

    masked = mask("明湖说明湖西苑门口", reporter_terms=["明湖", "趵突泉"], terms=terms)

    assert masked.text == "**说明湖西苑门口"


def test_reporters_own_number_is_masked_even_beside_a_things_word() -> None:
    masked = mask("电表138 1234 5678，井盖编号13900120034", reporter_terms=["+86 138-1234-5678"])

    assert masked.text == "电表*************，井盖编号13900120034"


def test_number_in_the_reporters_address_is_masked_however_spaced() -> None:
    assert mask("我家在幸福小区 3号楼 2单元", reporter_terms=["幸福小区3号楼2单元"]).text == "我家在" + "*" * 12


@pytest.mark.parametrize(
    "number",
    ["213-555-0134", "(213) 555-0134", "213.555.0134", "2135550134", "1-213-555-0134", "+1 (213) 555-0134",
     "213 5550134", "213/555/0134", "2 1 3 5 5 5 0 1 3 4", "123-45-6789"],
)  # fmt: skip
def test_patterns_of_a_pack_are_masked_however_grouped(number: str) -> None:
    masked = mask(f"Call me at {number}, thanks", terms=load_city(LOSANGELES).masking)

    assert not re.search("[0-9]", masked.text)
    assert masked.text.endswith(", thanks")


@pytest.mark.parametrize(
    "text",
    ["SR 1-2135550134", "Streetlight pole 2135550134", "10250 Santa Monica Blvd 90067-1234", "34.0522, -118.2437",
     "12/31/2025 11:59", "$2,135,550,134", "2026-03-02 10:30", "case number 2135550134"],
)  # fmt: skip
def test_other_numbers_of_that_city_stay(text: str) -> None:
    assert mask(text, terms=load_city(LOSANGELES).masking).text == text


@pytest.mark.parametrize(
    "shape", ["", "###", "@@@@@", "[9-2]#####", "[2-9", "#" * 31, "@-####", "a b####", "(###)####", "#{9}", ".*"]
)
def test_shape_that_would_mask_no_number_is_refused(shape: str) -> None:
    with pytest.raises(InvalidShape):
        parse_shape("a", shape)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31m红\x07", "[31m红"),
        ("左\u202e右\u2066\u200f", "左右"),
        ("零\u200b宽\ufeff\u2060", "零宽"),
        ("一行\r\n二行\r三行\t\u2028四行", "一行\n二行\n三行\t\n四行"),
        ("👨\u200d👩\u200d👧 ❤️\u200d🔥", "👨\u200d👩\u200d👧 ❤️\u200d🔥"),
        ("王\u200d敏", "王敏"),
    ],
)
def test_characters_that_hide_or_move_others_are_removed(text: str, expected: str) -> None:
    assert mask(text).text == expected
