"""The conservation check at an interval, as a process of its own beside the services."""

import logging
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from paidan_deploy.servers.process import ProcessLaunch

log = logging.getLogger("paidan")

STOP_TIMEOUT_S: Final = 2.0


@dataclass(slots=True, kw_only=True)
class ScheduledCheck:
    """Runs a command ``every_s`` seconds, one run at a time; 0: never. Call `tick` at short intervals.

    The first run is due one interval after the first tick. The log holds the output of the last run alone.
    """

    argv: Sequence[str]
    every_s: float
    log: Path
    identity_file: Path
    note: str = ""
    """What `paidan status` has to show of the last run; empty where everything holds."""
    _child: subprocess.Popen[bytes] | None = None
    _due_at: float | None = field(default=None)

    def tick(self) -> None:
        """Start a run that is due, and take note of the result of one that has ended."""
        if self.every_s == 0:
            return
        now = time.monotonic()
        if self._due_at is None:
            self._due_at = now + self.every_s
        elif self._child is not None and (code := self._child.poll()) is not None:
            self._on_exit(code)
        elif self._child is None and now >= self._due_at:
            self._due_at = now + self.every_s
            self._start()

    def stop(self) -> None:
        """End a run that has not ended; it changes nothing, so nothing is lost."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(timeout=STOP_TIMEOUT_S)
        self._forget_child()

    def _start(self) -> None:
        try:
            self.log.unlink(missing_ok=True)
            self._child = ProcessLaunch(argv=self.argv, log=self.log).spawn(self.identity_file)
        except OSError as error:
            self.note = f"the scheduled check could not be started / 定时核对无法启动: {error}"
            log.warning("%s", self.note)

    def _on_exit(self, code: int) -> None:
        self._forget_child()
        if code == 0:
            self.note = ""
            return
        self.note = (
            f"the last scheduled check does not hold or was not completed, see {self.log}"
            f" / 最近一次定时核对不成立或未完成，见 {self.log}"
        )
        log.warning("%s", self.note)

    def _forget_child(self) -> None:
        self._child = None
        self.identity_file.unlink(missing_ok=True)
