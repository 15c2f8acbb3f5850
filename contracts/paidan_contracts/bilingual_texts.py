"""One field that holds a text in English and then in Chinese: how it is written, and read back in one language."""

import re
from typing import Final, Literal

_CHINESE: Final = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
_SENTENCE_END: Final = re.compile(r"[.!?;:)\"”] ")


def join_languages(english: str, chinese: str) -> str:
    """Return both languages in one text."""
    return f"{english} {chinese}"


def in_language(text: str, language: Literal["zh", "en"]) -> str:
    """Return the part of a joined text that is in a language; the whole of a text that is in one language alone.

    The Chinese part begins after the last sentence that ends before the first Chinese character.
    """
    first = _CHINESE.search(text)
    ends = list(_SENTENCE_END.finditer(text, 0, first.start())) if first else []
    if not ends:
        return text
    english, chinese = text[: ends[-1].end() - 1], text[ends[-1].end() :]
    return chinese if language == "zh" else english
