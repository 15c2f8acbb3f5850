"""Cases are found by pairs of Chinese characters and by whole words of other scripts."""

import pytest

from paidan_cockpit.search_words import MAX_WORDS, single_characters, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("井盖松动", ["井盖", "盖松", "松动"]),
        ("灯", ["灯"]),
        ("Main St. lamp OUT", ["main", "st", "lamp", "out"]),
        ("泉城路12号", ["泉城", "城路", "12", "号"]),
        ("ＡＢＣ１２", ["abc12"]),  # full-width forms are the same letters
        ("坑。坑", ["坑"]),
        ("", []),
        ("，。！", []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_whoever_searches_a_part_of_a_chinese_text_asks_for_a_part_of_its_words() -> None:
    assert set(words_of("盖松")) <= set(words_of("路口井盖松动"))


def test_words_are_bounded() -> None:
    assert len(words_of(" ".join(map(str, range(5000))))) == MAX_WORDS


def test_characters_that_stand_alone_are_told_for_they_find_next_to_nothing() -> None:
    assert single_characters("湖 垃圾 a 12 湖边，桥") == ["湖", "桥"]
