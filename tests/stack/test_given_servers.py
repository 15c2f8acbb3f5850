"""PAIDAN_KAFKA and PAIDAN_DATABASE: the stack on servers of the user's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.servers import Servers


async def test_the_user_s_own_servers_are_used_and_none_is_started(
    servers: Servers, database: str, topic_prefix: str, tmp_path: Path
) -> None:
    env = dict(os.environ) | {
        "PAIDAN_HOME": str(tmp_path / "home"),
        "PAIDAN_KAFKA": servers.kafka,
        "PAIDAN_DATABASE": database,
        "PAIDAN_TOPIC_PREFIX": topic_prefix,
    }

    def paidan(*arguments: str) -> str:
        argv = [sys.executable, "-m", "paidan_deploy", *arguments]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        paidan("up", "--detach")

        told = json.loads(paidan("status", "--json"))
        assert told["kafka"] == {"address": servers.kafka, "pid": None, "folder": None}
        assert told["postgres"]["pid"] is None
        assert {each["condition"] for each in told["services"]} == {"running"}
        assert not (tmp_path / "home" / "kafka").exists()
        assert not (tmp_path / "home" / "postgres").exists()
    finally:
        paidan("down", "--wipe")
