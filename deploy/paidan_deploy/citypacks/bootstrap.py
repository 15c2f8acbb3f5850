"""Publishes the city packs that come with the stack, each once, so that a first start has cities."""

from pathlib import Path

from paidan_chassis import city_packs
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.city import InvalidPack, Pack
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.publish import publish
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection


async def publish_missing_packs(packs: Path, *, dsn: str, kafka: KafkaCluster) -> list[str]:
    """Publish every pack of a city that has none in force; return a message for each. Raises DeployError for mistakes.

    A pack in force is never replaced here: a person publishes later versions.
    """
    messages = []
    async with open_connection(dsn) as connection:
        for folder in _pack_folders(packs):
            # A folder is named after its city: a pack that is in force already need not be read.
            if await city_packs.find_version_in_force(connection, folder.name) is not None:
                continue
            pack = _valid_pack(folder)
            if await city_packs.find_version_in_force(connection, pack.id) is None:
                published = await publish(connection, kafka, pack)
                messages.append(f"city {published.city} is in force under version {published.version[:12]}")
    return messages


def _pack_folders(packs: Path) -> list[Path]:
    return sorted(path.parent for path in packs.glob("*/city.toml"))


def _valid_pack(folder: Path) -> Pack:
    try:
        return check_folder(folder).valid_pack()
    except InvalidPack as error:
        raise DeployError(f"the city pack {folder} has mistakes:\n{error}") from error
