"""Publishes the city packs that lie beside the stack, each once, so that a first start has cities in it."""

from pathlib import Path

from paidan_chassis.kafka.cluster import Kafka
from paidan_contracts.city import Pack, Unfit
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.publish import in_force, publish
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import connected
from paidan_deploy.provisioning.database import shape
from paidan_deploy.settings import Settings
from paidan_deploy.stack.servers import Servers


async def publish_first_packs(servers: Servers, settings: Settings) -> list[str]:
    """Publish every pack of a city that has none in force, and say what was done. Raises DeployError for mistakes.

    Later changes are published by a person: what is in force is not replaced behind anybody's back.
    """
    kafka = Kafka(servers.bootstrap, settings.topic_prefix, shape=shape)
    said = []
    async with connected(servers.dsn) as connection:
        for folder in sorted(path.parent for path in settings.cities.glob("*/city.toml")):
            # Folders are named after their cities, so what is in force already need not be read.
            if await in_force(connection, folder.name) is not None:
                continue
            pack = _fit(folder)
            if await in_force(connection, pack.id) is None:
                done = await publish(connection, kafka, pack)
                said.append(f"city {done.city} is in force under version {done.version[:12]}")
    return said


def _fit(folder: Path) -> Pack:
    try:
        return check_folder(folder).fit()
    except Unfit as unfit:
        raise DeployError(f"the city pack {folder} has mistakes:\n{unfit}") from unfit
