"""Words by which cases are found: pairs of Chinese characters, and whole words of other scripts. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

MAX_WORDS: Final = 600
_MAX_LENGTH: Final = 40
_CHINESE: Final = r"\u3400-\u9fff\U00020000-\U0003ffff"
_RUNS: Final = re.compile(rf"([{_CHINESE}]+)|([^\W_{_CHINESE}]+)")


def words_of(text: str) -> list[str]:
    """Return the words of a text, each once, in order: Chinese as overlapping pairs, all else in lower case."""
    return list(dict.fromkeys(_words(text)))[:MAX_WORDS]


def _words(text: str) -> Iterator[str]:
    for chinese, other in _RUNS.findall(unicodedata.normalize("NFKC", text)):
        if chinese:
            yield from (chinese[begin : begin + 2] for begin in range(max(len(chinese) - 1, 1)))
        else:
            yield other.lower()[:_MAX_LENGTH]
