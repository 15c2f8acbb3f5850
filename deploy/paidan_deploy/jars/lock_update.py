"""Writes the locks anew: `python -m paidan_deploy.jars.lock_update CACHE_FOLDER`."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from jgo.env import LockFile
from jgo.maven import Dependency, MavenContext
from jgo.parse import Coordinate

from paidan_deploy.jars.lock import LockName, lock_file, read_lock

ROOT_ARTIFACTS: Final[Mapping[LockName, tuple[str, ...]]] = {
    # Kafka uses slf4j 1.7; without this binding it would log nothing.
    "kafka": ("org.apache.kafka:kafka_2.13:4.1.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"),
    "web": (
        "org.webjars.npm:htmx.org:2.0.4",
        "org.webjars.npm:leaflet:1.9.4",
        "org.webjars:leaflet-markercluster:1.4.1",
        "org.webjars.npm:uplot:1.6.30",
    ),
}


def update_lock(name: LockName, roots: Iterable[str], cache: Path) -> None:
    """Resolve each root's dependencies separately and write all with checksums; the first root wins where two differ.

    Resolved together, the managed versions of one root's parents would apply to the other's tree.
    """
    found: dict[tuple[str, str], Dependency] = {}
    for root in roots:
        for dependency in _resolve_dependencies(cache, root):
            found.setdefault((dependency.groupId, dependency.artifactId), dependency)
    locked = LockFile.from_resolved_dependencies([found[key] for key in sorted(found)], environment_name=name)
    file = lock_file(name)
    if not file.exists() or {each.sha256 for each in locked.dependencies} != {each.sha256 for each in read_lock(name)}:
        locked.save(file)


def _resolve_dependencies(cache: Path, root: str) -> list[Dependency]:
    context = MavenContext(repo_cache=cache, timeout=60)
    root_dependency = context.create_dependency(replace(Coordinate.parse(root), scope="compile"))
    direct, transitive = context.resolver.resolve([root_dependency])
    return [*direct, *(dependency for dependency in transitive if dependency.scope in {"compile", "runtime"})]


if __name__ == "__main__":
    for lock_name, root_artifacts in ROOT_ARTIFACTS.items():
        update_lock(lock_name, root_artifacts, Path(sys.argv[1]))
