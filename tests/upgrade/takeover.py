"""An older release's recording, restored and upgraded as an operator does, with today's services on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from paidan_deploy.credentials import Credentials
from paidan_deploy.paths import StackPaths
from paidan_deploy.provisioning.api_keys import create_key
from paidan_deploy.provisioning.database import prepare_database
from paidan_deploy.provisioning.release import place_release_marks, require_drained
from paidan_deploy.provisioning.topics import create_topics
from tests import servers as real
from tests.chaos.installation import KEY_SCOPES, ChaosInstallation
from tests.chaos.load import Load
from tests.upgrade.release import RecordedRelease, RestoreTarget, restore


@asynccontextmanager
async def restored_installation(
    servers: real.ServerAddresses, topic_prefix: str, run_folder: Path, release: RecordedRelease
) -> AsyncIterator[ChaosInstallation]:
    """Restore a recording as it was, and kill its processes at the end."""
    home = StackPaths(run_folder / topic_prefix / "home")
    async with real.fresh_database(servers) as dsn:
        await restore(release, RestoreTarget(servers.kafka, topic_prefix, dsn, home))
        restored = ChaosInstallation(servers, dsn.rsplit("/", 1)[1], topic_prefix, home, {})
        try:
            yield restored
        finally:
            restored.kill_all()


async def prepare(installation: ChaosInstallation) -> None:
    """Do what `paidan prepare` does, and at its first run what `paidan up` asks before."""
    await require_drained(installation.dsn, installation.cluster)
    await prepare_database(installation.dsn, Credentials(installation.paths.secrets))
    await create_topics(installation.cluster)
    async with installation.conn() as conn:
        await place_release_marks(conn, installation.cluster)


async def start(installation: ChaosInstallation, *, decided_by: int) -> Load:
    """Start today's services where this release has decided everything so far, and return clients of theirs."""
    async with installation.conn() as conn:
        assert {row["number"] for row in await conn.fetch("SELECT number FROM lane_release")} == {decided_by}
        for name, scopes in KEY_SCOPES.items():
            installation.tokens[name], _ = await create_key(conn, name=name, city="tiny", scopes=scopes)
    await installation.start()
    return Load(installation, seed=3)
