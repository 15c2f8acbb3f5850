"""Writes the AOT cache of Kafka's classes: `python -m paidan_deploy.setup.train_aot_cache CACHE_FOLDER`."""

import shutil
import sys
from pathlib import Path
from typing import Final

from paidan_deploy.servers.aot_cache import cache_path
from paidan_deploy.servers.kafka import KafkaServer

STOP_TIMEOUT_S: Final = 180


def train_cache(cache: Path) -> None:
    """Write the cache by running a broker once: Java saves at exit what it loaded. Does nothing if the cache exists."""
    cache_file = cache_path(cache)
    if cache_file.exists():
        return
    home = cache / "training"
    partial_file = cache_file.with_suffix(".half")
    server = KafkaServer(home=home, cache=cache, jvm_options=(f"-XX:AOTCacheOutput={partial_file}", "-Xlog:aot=error"))
    try:
        server.start()
        server.stop(timeout_s=STOP_TIMEOUT_S)
        if partial_file.exists():
            partial_file.rename(cache_file)
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    train_cache(folder)
