"""Terminates processes by their identity files; `python -m paidan_deploy.servers.reap CHECKOUT` those of test runs."""

import signal
import sys
from pathlib import Path

from paidan_deploy.servers import process


def reap(folder: Path) -> int:
    """Terminate every process with an identity file under this folder, children included; return how many ran."""
    processes = [
        identity.find()
        for file in folder.rglob("process.json")
        if (identity := process.ProcessIdentity.read(file)) is not None
    ]
    alive = [running for running in processes if running is not None]
    for running in alive:
        process.terminate(running, signal.SIGTERM, timeout_s=3)
    return len(alive)


if __name__ == "__main__":
    # Only what tests started: a stack that somebody runs in the same checkout is left alone.
    reap(Path(sys.argv[1]) / ".paidan" / "tests")
