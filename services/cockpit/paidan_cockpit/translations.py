"""The texts of pages in Chinese and English: gettext catalogues, read from their source as the process starts."""

import gettext
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from paidan_cockpit.settings import Language

CATALOGUES: Final = Path(__file__).parent / "locale"
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
LANGUAGE_NAMES: Final[Mapping[Language, str]] = {"zh": "中文", "en": "English"}


@cache
def translations(language: Language) -> gettext.NullTranslations:
    """Return the texts of a language. English is what the code says."""
    path = CATALOGUES / language / "cockpit.po"
    if not path.exists():
        return gettext.NullTranslations()
    with path.open(encoding="utf-8") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def choose_language(accepted: str, default: Language) -> Language:
    """Return the language that an ``Accept-Language`` header asks for most, of those that pages have."""
    parts = [part.strip().partition(";q=") for part in accepted.split(",")[:20]]
    wanted = [
        (_quality_of(quality), language)
        for name, _, quality in parts
        for language in LANGUAGES
        if name.lower().partition("-")[0] == language
    ]
    return max(wanted, key=lambda each: each[0], default=(0.0, default))[1]


def _quality_of(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
