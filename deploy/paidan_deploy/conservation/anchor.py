"""The anchor: digests of what may only grow, kept outside of the installation and compared with it later.

Who can rewrite the history and the log of case events to agree with each other cannot rewrite the anchor, too.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiokafka.structs import ConsumerRecord

from paidan_deploy.errors import DeployError

FORMAT: Final = 1


class Head(NamedTuple):
    """How much there was, and a digest of all of it."""

    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of each partition of ``paidan.cases``, and of each log of looks at personal data and of keys."""

    cases: Mapping[int, Head] = field(default_factory=dict)
    logs: Mapping[str, Head] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the anchor as a file holds it."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Anchor":
        """Read an anchor that was saved. Raises ``DeployError`` for anything else."""
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise DeployError(
                    f"{path} is an anchor of another format: {content['format']}"
                    f" / {path} 是另一种格式的锚点：{content['format']}"
                )
            cases = {int(partition): Head(*head) for partition, head in content["cases"].items()}
            return cls(cases, {table: Head(*head) for table, head in content["logs"].items()})
        except OSError as error:
            raise DeployError(
                f"the anchor {path} cannot be read: {error.strerror} / 锚点 {path} 无法读取：{error.strerror}"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeployError(
                f"{path} is no anchor that `paidan verify --save-anchor` has written"
                f" / {path} 不是 `paidan verify --save-anchor` 写的锚点"
            ) from error


class LogDigests:
    """Running digests of a log's partitions, of all that is added, and of what precedes an anchor's offsets."""

    def __init__(self, anchored: Mapping[int, Head]) -> None:
        self._anchored = anchored
        self._hashes: dict[int, Any] = {}
        self._ends: dict[int, int] = {}
        self._found: dict[int, str] = {}

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one record; each partition's come in order."""
        value, partition = record.value or b"", record.partition
        running = self._hashes.setdefault(partition, hashlib.sha256())
        anchored = self._anchored.get(partition)
        if anchored is not None and record.offset >= anchored.size and partition not in self._found:
            self._found[partition] = running.hexdigest()
        running.update(record.offset.to_bytes(8, "big") + len(value).to_bytes(4, "big") + value)
        self._ends[partition] = record.offset + 1

    def heads(self) -> dict[int, Head]:
        """Return the head of each partition."""
        return {partition: Head(end, self._hashes[partition].hexdigest()) for partition, end in self._ends.items()}

    def differing(self) -> list[int]:
        """Return the partitions whose records up to the anchor's offset are not those that it was taken of."""
        heads = self.heads()
        return [
            partition
            for partition, anchored in self._anchored.items()
            if self._found.get(partition) != anchored.digest and heads.get(partition) != anchored
        ]
