"""Downloads jars with jgo."""

import os
from pathlib import Path
from typing import Final

import requests
from jgo.maven import Artifact, MavenContext
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from paidan_deploy.errors import DownloadError
from paidan_deploy.jars.lock import LockedJar

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
