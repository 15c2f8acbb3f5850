"""What a server has said since its start: its log is the only one to tell why it ended."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class LogTail:
    """A log from where it ended when this was made. All of it counts: Kafka buries its reason under 40 kB."""

    log: Path
    offset: int

    @classmethod
    def from_now(cls, log: Path) -> Self:
        return cls(log=log, offset=_file_size(log))

    @property
    def text(self) -> str:
        """Give what was said; the whole of a log that was begun anew meanwhile."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self.offset if self.offset <= _file_size(self.log) else 0)
            return file.read().decode(errors="replace")


def _file_size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
