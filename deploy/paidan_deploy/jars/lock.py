"""Locks of jars: names, versions and checksums, and no address."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LockName = Literal["kafka", "web"]


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One jar as its lock names it."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def is_at(self, path: Path) -> bool:
        """Check whether the file at this path is this very jar."""
        return path.exists() and _sha256_of(path) == self.sha256


def lock_file(name: LockName) -> Path:
    """Return the path of this lock."""
    return Path(__file__).parent / f"{name}.lock.toml"


def read_lock(name: LockName) -> list[LockedJar]:
    """Read which jars this lock lists."""
    entries = tomllib.loads(lock_file(name).read_text())["dependencies"]
    return [LockedJar(each["groupId"], each["artifactId"], each["version"], each["sha256"]) for each in entries]


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
