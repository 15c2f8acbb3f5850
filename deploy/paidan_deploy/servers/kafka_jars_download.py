"""Downloads jars with jgo. `python -m paidan_deploy.servers.kafka_jars_download CACHE_FOLDER` updates the lock."""

import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import requests
from jgo.env import LockFile
from jgo.maven import Artifact, Dependency, MavenContext
from jgo.parse import Coordinate
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from paidan_deploy.errors import DownloadError
from paidan_deploy.servers.kafka_lock import LOCK_FILE, LockedJar, read_lock

# Kafka uses slf4j 1.7; without this binding it would log nothing.
ROOT_ARTIFACTS: Final = ("org.apache.kafka:kafka_2.13:4.1.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3")
ATTEMPTS: Final = 3
DOWNLOAD_ERRORS: Final = (requests.RequestException, RuntimeError, OSError)


def download_jar(jar: LockedJar, *, cache: Path) -> None:
    """Download one jar, and move it into the cache only after checking its checksum. Raises DownloadError."""
    downloaded = _resolve_artifact(jar, cache)
    if not jar.is_at(downloaded):
        downloaded.unlink()
        raise DownloadError(
            f"{jar.filename} is not the file in the lock: its SHA-256 differs"
            f" / {jar.filename} 与锁定文件中的不同：SHA-256 不一致"
        )
    downloaded.replace(cache / "jars" / jar.filename)


def _resolve_artifact(jar: LockedJar, cache: Path) -> Path:
    # A folder for each process, because jgo writes in place.
    context = MavenContext(repo_cache=cache / "downloads" / str(os.getpid()), timeout=60)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        return _resolve_with_retry(artifact)
    except DOWNLOAD_ERRORS as error:
        raise DownloadError(
            f"{jar.filename} could not be downloaded: {error} / {jar.filename} 下载失败：{error}"
        ) from error


@retry(retry=retry_if_exception_type(DOWNLOAD_ERRORS), stop=stop_after_attempt(ATTEMPTS), reraise=True)
def _resolve_with_retry(artifact: Artifact) -> Path:
    try:
        return artifact.resolve()
    except DOWNLOAD_ERRORS:
        if artifact.cached_path is not None:
            artifact.cached_path.unlink(missing_ok=True)
        raise


def update_lock(cache: Path, roots: Iterable[str] = ROOT_ARTIFACTS) -> None:
    """Resolve each root's dependencies separately and write all with checksums; the first root wins where two differ.

    Resolved together, the managed versions of one root's parents would apply to the other's tree.
    """
    found: dict[tuple[str, str], Dependency] = {}
    for root in roots:
        for dependency in _resolve_dependencies(cache, root):
            found.setdefault((dependency.groupId, dependency.artifactId), dependency)
    locked = LockFile.from_resolved_dependencies([found[key] for key in sorted(found)], environment_name="kafka")
    if {each.sha256 for each in locked.dependencies} != {each.sha256 for each in read_lock()}:
        locked.save(LOCK_FILE)


def _resolve_dependencies(cache: Path, root: str) -> list[Dependency]:
    context = MavenContext(repo_cache=cache, timeout=60)
    root_dependency = context.create_dependency(replace(Coordinate.parse(root), scope="compile"))
    direct, transitive = context.resolver.resolve([root_dependency])
    return [*direct, *(dependency for dependency in transitive if dependency.scope in {"compile", "runtime"})]


if __name__ == "__main__":
    update_lock(Path(sys.argv[1]))
