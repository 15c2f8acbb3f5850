"""What is wrong with a pack, and where in its files: said so that whoever keeps the files can go there and mend it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Where something stands in the pack's document: ``("routing", 3, "lead")``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a place of the document."""

    path: Path
    problem: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The file, line and name that a part of the document was read from."""

    file: str
    line: int | None = None
    item: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """Something wrong in a file of the pack."""

    file: str
    line: int
    item: str
    field: str
    problem: str

    def __str__(self) -> str:
        """Say file, line, item, field and problem, as compilers do."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.item, self.field, self.problem) if part)


class Unfit(Exception):
    """The city pack has mistakes."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        """Say every mistake, one a line."""
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each part of the document came from; a part without an entry came from where what holds it came from."""

    known: Mapping[Path, Origin]

    def mistake(self, fault: Fault) -> Mistake:
        """Turn a place of the document into a place of the files."""
        for length in range(len(fault.path), -1, -1):
            origin = self.known.get(fault.path[:length])
            if origin is not None:
                field = ".".join(str(step) for step in fault.path[length:])
                return Mistake(origin.file, origin.line or 0, origin.item, field, fault.problem)
        return Mistake("", 0, "", ".".join(str(step) for step in fault.path), fault.problem)

    def mistakes(self, faults: Iterable[Fault]) -> tuple[Mistake, ...]:
        """Turn faults into mistakes, in the order of the files, each once."""
        return tuple(sorted({self.mistake(fault) for fault in faults}))
