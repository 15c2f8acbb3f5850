"""The jars of Apache Kafka: fetched by jgo against a lock that holds checksums and no address."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import requests
from jgo.env import LockedDependency, LockFile
from jgo.maven import Dependency, MavenContext
from jgo.parse import Coordinate

from paidan_deploy.errors import DownloadError

LOCK: Final = Path(__file__).parent / "local" / "kafka.lock.toml"
# Kafka speaks slf4j 1.7; without this binding it would log nothing.
ROOTS: Final = ("org.apache.kafka:kafka_2.13:4.1.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3")
ATTEMPTS: Final = 3

Progress = Callable[[int, int], None]


def class_path(cache: Path, progress: Progress = lambda _done, _total: None) -> list[Path]:
    """Fetch what is missing from the cache and name every jar, each checked against the lock.

    Safe to run from several processes: a jar becomes visible whole or not at all.
    """
    locked = LockFile.load(LOCK).dependencies
    folder = cache / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [entry for entry in locked if not _matches(folder / _filename(entry), entry)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        for done, _ in enumerate(pool.map(lambda entry: _fetch(entry, cache), missing), start=1):
            progress(done, len(missing))
    return [folder / _filename(entry) for entry in locked]


def _filename(entry: LockedDependency) -> str:
    return f"{entry.artifactId}-{entry.version}.jar"


def _matches(path: Path, entry: LockedDependency) -> bool:
    return path.exists() and _sha256(path) == entry.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(entry: LockedDependency, cache: Path) -> None:
    """Download one jar, check it, and only then put it where it is used."""
    fetched = _download(entry, cache)
    if _sha256(fetched) != entry.sha256:
        fetched.unlink()
        raise DownloadError(f"{_filename(entry)} is not the file that the lock names: its SHA-256 differs")
    fetched.replace(cache / "jars" / _filename(entry))


def _download(entry: LockedDependency, cache: Path) -> Path:
    context = MavenContext(repo_cache=_private(cache), timeout=60)
    artifact = context.project(entry.groupId, entry.artifactId).at_version(entry.version).artifact()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return artifact.resolve()
        except (requests.RequestException, RuntimeError, OSError) as error:
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
            if attempt == ATTEMPTS:
                raise DownloadError(f"{_filename(entry)} could not be fetched: {error}") from error
    raise AssertionError("unreachable")


def _private(cache: Path) -> Path:
    """Give each downloading process a folder of its own, for jgo writes in place."""
    return cache / "downloads" / str(os.getpid())


def resolve(cache: Path, roots: Iterable[str] = ROOTS) -> LockFile:
    """Resolve the tree of each root by itself and record all with checksums; the first root wins where two differ.

    Together they would not do: jgo lets the managed versions of one root's parents rule the other's tree.
    """
    found: dict[tuple[str, str], Dependency] = {}
    for root in roots:
        for needed in _tree(cache, root):
            found.setdefault((needed.groupId, needed.artifactId), needed)
    return LockFile.from_resolved_dependencies([found[key] for key in sorted(found)], environment_name="kafka")


def _tree(cache: Path, root: str) -> list[Dependency]:
    context = MavenContext(repo_cache=cache, timeout=60)
    wanted = context.create_dependency(replace(Coordinate.parse(root), scope="compile"))
    direct, transitive = context.resolver.resolve([wanted])
    return [*direct, *(needed for needed in transitive if needed.scope in {"compile", "runtime"})]


if __name__ == "__main__":
    resolve(Path(sys.argv[1])).save(LOCK)
