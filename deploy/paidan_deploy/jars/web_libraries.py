"""The JavaScript libraries of the web pages: the files that browsers load, out of their jars in one folder."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from paidan_deploy.jars.cache import OnDownload, ensure_jars
from paidan_deploy.jars.lock import LockedJar, lock_file, read_lock

# Of each jar, what browsers load, and the licence. That of markercluster has no licence text, but a source that names
# its authors.
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "htmx.org": ("LICENSE", "dist/htmx.min.js"),
    "leaflet": (
        "LICENSE",
        "dist/leaflet.js",
        "dist/leaflet.css",
        "dist/images/layers.png",
        "dist/images/layers-2x.png",
        "dist/images/marker-icon.png",
        "dist/images/marker-icon-2x.png",
        "dist/images/marker-shadow.png",
    ),
    "leaflet-markercluster": (
        "leaflet.markercluster-src.js",
        "leaflet.markercluster.js",
        "MarkerCluster.css",
        "MarkerCluster.Default.css",
    ),
    "uplot": ("LICENSE", "dist/uPlot.iife.min.js", "dist/uPlot.min.css"),
}


def ensure_web_libraries(cache: Path, on_download: OnDownload = lambda _done, _total: None) -> Path:
    """Return the folder with `<library>/<file>` in the cache, after downloading and unpacking what is missing.

    Safe to run from several processes: the folder becomes visible whole or not at all, under a name of its content.
    """
    folder = cache.resolve() / f"web-{_fingerprint()}"
    if folder.exists():
        return folder
    jars = ensure_jars("web", cache, on_download)
    with tempfile.TemporaryDirectory(dir=cache) as parent:
        unpacked = Path(parent) / "web"
        for locked, jar in zip(read_lock("web"), jars, strict=True):
            _unpack(locked, jar, unpacked / locked.artifact)
        _publish(unpacked, folder)
    return folder


def _fingerprint() -> str:
    return hashlib.sha256(repr(FILES).encode() + lock_file("web").read_bytes()).hexdigest()[:12]


def _unpack(locked: LockedJar, jar: Path, folder: Path) -> None:
    with ZipFile(jar) as archive:
        for name in FILES[locked.artifact]:
            target = folder / name.removeprefix("dist/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(f"META-INF/resources/webjars/{locked.artifact}/{locked.version}/{name}"))


def _publish(unpacked: Path, folder: Path) -> None:
    # Services may run as another user than the one who unpacks, whose umask may be strict.
    for path in (unpacked, *unpacked.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        unpacked.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        shutil.rmtree(unpacked)  # another process was first
