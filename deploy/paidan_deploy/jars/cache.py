"""The jars of a lock in the cache, each checked against it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from paidan_deploy.jars.lock import LockedJar, LockName, read_lock

OnDownload = Callable[[int, int], None]


def ensure_jars(name: LockName, cache: Path, on_download: OnDownload = lambda _done, _total: None) -> list[Path]:
    """Return the path of every jar of the lock, after downloading those that are missing or differ from it.

    Safe to run from several processes: a jar becomes visible whole or not at all.
    """
    # The AOT cache holds the jars' real paths.
    folder = cache.resolve() / "jars"
    locked = read_lock(name)
    missing = [each for each in locked if not each.is_at(folder / each.filename)]
    if missing:
        _download_missing(missing, cache, on_download)
    return [folder / each.filename for each in locked]


def _download_missing(missing: list[LockedJar], cache: Path, on_download: OnDownload) -> None:
    # Importing jgo takes longer than finding jars that are all there.
    from paidan_deploy.jars.download import download_jar  # noqa: PLC0415

    (cache / "jars").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=8) as pool:
        for done, _ in enumerate(pool.map(partial(download_jar, cache=cache), missing), start=1):
            on_download(done, len(missing))
