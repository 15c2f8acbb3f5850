"""The part of a log that a server wrote since its start: only there is the reason why it ended."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class LogTail:
    """A log from its end at one moment on, unlimited: Kafka logs 40 kB after the reason."""

    log: Path
    offset: int

    @classmethod
    def from_now(cls, log: Path) -> Self:
        return cls(log=log, offset=_file_size(log))

    @property
    def text(self) -> str:
        """The text appended since then; the whole log if it was truncated meanwhile."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self.offset if self.offset <= _file_size(self.log) else 0)
            return file.read().decode(errors="replace")


def _file_size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
