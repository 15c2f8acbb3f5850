"""What is wrong with a pack, and where in its files: said so that whoever keeps the files can go there and mend it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

DocumentPath: TypeAlias = tuple[str | int, ...]
"""Where something stands in the pack's document: ``("routing", 3, "lead")``."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something wrong at a place of the document."""

    path: DocumentPath
    problem: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The file, line and name that a part of the document was read from."""

    file: str
    line: int | None = None
    item: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """Something wrong in a file of the pack."""

    file: str
    line: int
    item: str
    field: str
    problem: str

    def __str__(self) -> str:
        """Say file, line, item, field and problem, as compilers do."""
        location = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (location, self.item, self.field, self.problem) if part)


class InvalidPack(Exception):
    """The city pack has mistakes."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        """Say every mistake, one a line."""
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class OriginMap:
    """Where each part of the document came from; a part without an entry came from where what holds it came from."""

    by_path: Mapping[DocumentPath, Origin]

    def to_diagnostic(self, violation: Violation) -> Diagnostic:
        """Turn a place of the document into a place of the files."""
        for length in range(len(violation.path), -1, -1):
            origin = self.by_path.get(violation.path[:length])
            if origin is not None:
                field = ".".join(str(step) for step in violation.path[length:])
                return Diagnostic(origin.file, origin.line or 0, origin.item, field, violation.problem)
        return Diagnostic("", 0, "", ".".join(str(step) for step in violation.path), violation.problem)

    def to_diagnostics(self, violations: Iterable[Violation]) -> tuple[Diagnostic, ...]:
        """Turn faults into mistakes, in the order of the files, each once."""
        return tuple(sorted({self.to_diagnostic(violation) for violation in violations}))
