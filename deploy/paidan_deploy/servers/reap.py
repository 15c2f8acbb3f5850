"""Ends what a killed test run left behind: `python -m paidan_deploy.servers.reap CHECKOUT`."""

import signal
import sys
from pathlib import Path

from paidan_deploy.servers import process


def reap(folder: Path) -> int:
    """End every server and service known under this folder, children included; tell how many there were."""
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
    # Only what tests started: a stack that somebody keeps up in the same checkout is theirs.
    reap(Path(sys.argv[1]) / ".paidan" / "tests")
