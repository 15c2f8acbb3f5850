"""Errors in a pack, located in the document by path and in its files by file, line and entry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

DocumentPath: TypeAlias = tuple[str | int, ...]
"""A path in the pack's document: ``("routing", 3, "lead")``."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An error at a path of the document."""

    path: DocumentPath
    problem: str
    problem_zh: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The file, line and entry from which a part of the document was read."""

    file: str
    line: int | None = None
    item: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """An error in a file of the pack."""

    file: str
    line: int
    item: str
    field: str
    problem: str
    problem_zh: str

    def __str__(self) -> str:
        """Format as ``file:line: item: field: problem``."""
        location = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (location, self.item, self.field, self.problem) if part)

    def in_both_languages(self) -> str:
        """Format in English, and what is wrong in Chinese on a line of its own below."""
        return f"{self}\n    {self.problem_zh}"


class InvalidPack(Exception):
    """The city pack has errors."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        """List every error in the message, one on each line."""
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class OriginMap:
    """The origin of each part of the document; a part without one has that of the part that contains it."""

    by_path: Mapping[DocumentPath, Origin]

    def to_diagnostic(self, violation: Violation) -> Diagnostic:
        """Locate a violation in the pack's files."""
        for length in range(len(violation.path), -1, -1):
            origin = self.by_path.get(violation.path[:length])
            if origin is not None:
                field = ".".join(str(step) for step in violation.path[length:])
                return Diagnostic(
                    origin.file, origin.line or 0, origin.item, field, violation.problem, violation.problem_zh
                )
        return Diagnostic(
            "", 0, "", ".".join(str(step) for step in violation.path), violation.problem, violation.problem_zh
        )

    def to_diagnostics(self, violations: Iterable[Violation]) -> tuple[Diagnostic, ...]:
        """Locate violations in the pack's files; sorted, without duplicates."""
        return tuple(sorted({self.to_diagnostic(violation) for violation in violations}))
