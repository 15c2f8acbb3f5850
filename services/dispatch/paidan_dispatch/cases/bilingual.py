"""What decisions say to people, in English and Chinese."""

from typing import NamedTuple


class Bilingual(NamedTuple):
    """The same thing said twice."""

    en: str
    zh: str

    def joined(self) -> str:
        """Write it where there is room for one text only."""
        return f"{self.en} {self.zh}"
