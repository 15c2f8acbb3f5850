"""Words by which cases are found: pairs of Chinese characters, and whole words of other scripts. Pure."""

import re
import unicodedata
from operator import add
from typing import Final

MAX_WORDS: Final = 600
_MAX_LENGTH: Final = 40
_CHINESE: Final = r"\u3400-\u9fff\U00020000-\U0003ffff"
_RUNS: Final = re.compile(rf"([{_CHINESE}]+)|([^\W_{_CHINESE}]+)")


def words_of(text: str) -> list[str]:
    """Return the words of a text, each once, in order: Chinese as overlapping pairs, all else in lower case."""
    return list(dict.fromkeys(_words(text)))[:MAX_WORDS]


def single_characters(text: str) -> list[str]:
    """Return the Chinese characters that stand alone: words are pairs of them, so these find next to nothing."""
    runs = _RUNS.findall(unicodedata.normalize("NFKC", text))
    return [chinese for chinese, _ in runs if len(chinese) == 1]


def _words(text: str) -> list[str]:
    words: list[str] = []
    for chinese, other in _RUNS.findall(unicodedata.normalize("NFKC", text)):
        if chinese:
            words += map(add, chinese, chinese[1:]) if len(chinese) > 1 else chinese
        else:
            words.append(other.lower()[:_MAX_LENGTH])
    return words
