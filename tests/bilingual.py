"""What a text says in English and not in Chinese: numbers, quoted values, or most of its words."""

import re
from typing import Final

_VALUES: Final = re.compile(r"(?<![A-Za-z])'([^']+)'|(\d+(?:[.,]\d+)*)")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_WORDS: Final = re.compile(r"[A-Za-z]+")


def missing_in_chinese(en: str, zh: str) -> list[str]:
    """Return the numbers and quoted values that the Chinese text lacks, and a note where it says too little."""
    values = [quoted or number for quoted, number in _VALUES.findall(en)]
    missing = [value for value in values if value.strip(" ,.;:") not in zh]
    outside = [word for word in _WORDS.findall(_VALUES.sub("", en)) if word not in zh]
    least = max(2, len(outside) // 2)
    if len(_CHINESE.findall(zh)) < least:
        missing.append(f"fewer than {least} Chinese characters for {len(outside)} English words")
    return missing
