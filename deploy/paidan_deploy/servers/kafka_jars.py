"""The jars of Apache Kafka, each checked against a lock that holds checksums and no address."""

import hashlib
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

LOCK_FILE: Final = Path(__file__).parent / "local" / "kafka.lock.toml"

OnDownload = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One jar as the lock names it."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def is_at(self, path: Path) -> bool:
        """Say whether this very jar lies there."""
        return path.exists() and sha256(path) == self.sha256


def read_lock() -> list[LockedJar]:
    """Read which jars make up the broker."""
    entries = tomllib.loads(LOCK_FILE.read_text())["dependencies"]
    return [LockedJar(each["groupId"], each["artifactId"], each["version"], each["sha256"]) for each in entries]


def ensure_jars(cache: Path, on_download: OnDownload = lambda _done, _total: None) -> list[Path]:
    """Fetch what is missing from the cache and name every jar, each checked against the lock.

    Safe to run from several processes: a jar becomes visible whole or not at all.
    """
    # Java knows its classes made ahead of time by the real path of the jars.
    folder = cache.resolve() / "jars"
    locked = read_lock()
    missing = [each for each in locked if not each.is_at(folder / each.filename)]
    if missing:
        _download_missing(missing, cache, on_download)
    return [folder / each.filename for each in locked]


def _download_missing(missing: list[LockedJar], cache: Path, on_download: OnDownload) -> None:
    # jgo and what it stands on take longer to import than a stack whose jars are there takes to find them.
    from paidan_deploy.servers.kafka_jars_download import download_jar  # noqa: PLC0415

    (cache / "jars").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=8) as pool:
        for done, _ in enumerate(pool.map(partial(download_jar, cache=cache), missing), start=1):
            on_download(done, len(missing))


def sha256(path: Path) -> str:
    """Fingerprint a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
