"""Texts that decisions show to people, in English and Chinese."""

from typing import NamedTuple

from paidan_contracts.bilingual_texts import join_languages


class Bilingual(NamedTuple):
    """A text in English and Chinese."""

    en: str
    zh: str

    def joined(self) -> str:
        """Return both languages in one text, for fields that hold only one."""
        return join_languages(self.en, self.zh)
