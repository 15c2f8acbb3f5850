"""Brings a schema up to date: forward only, each file once, safe from several processes at once."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import asyncpg

from paidan_chassis.errors import ChassisError

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
Phase = Literal["pre", "post"]

_NAME: Final = re.compile(r"(\d{4})_(pre|post)_[a-z0-9_]+\.sql")
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class MigrationRefused(ChassisError):
    """What lies on disk and what the schema has been through contradict each other."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: applied before (pre) or after (post) the release that needs it starts."""

    package: str
    name: str
    statements: str

    @property
    def key(self) -> tuple[str, str]:
        """Identify the migration within a schema."""
        return self.package, self.name

    @property
    def checksum(self) -> str:
        """Fingerprint what it does; line ends of the checkout do not count."""
        return hashlib.sha256(self.statements.replace("\r\n", "\n").encode()).hexdigest()

    @property
    def phase(self) -> str:
        """Tell whether it runs before or after the release that needs it."""
        return self.name.split("_")[1]


async def migrate(
    conn: Connection, schema: str, packages: Sequence[str], *, phases: Sequence[Phase] = ("pre", "post")
) -> list[Migration]:
    """Apply what is missing of each package's ``NNNN_pre_x.sql`` and ``NNNN_post_x.sql``, and return that.

    Packages are import paths, applied in the order given. Statements are written without a schema
    and land in this one, owned by the connection's role (``SET ROLE`` before, to give them away).
    Each file is one transaction, so what is done stays done. Raises MigrationRefused, before
    anything is changed, when an applied file has changed, is gone, or is overtaken by a new one.
    """
    raise NotImplementedError


async def pending(conn: Connection, schema: str, packages: Sequence[str]) -> list[Migration]:
    """Tell what ``migrate`` would apply, changing nothing."""
    raise NotImplementedError
