"""Publishes the city packs that lie beside the stack, each once, so that a first start has cities in it."""

from pathlib import Path

from paidan_chassis import city_packs
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.city import InvalidPack, Pack
from paidan_contracts.topics import find_topic
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.publish import publish
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import open_connection
from paidan_deploy.settings import Settings
from paidan_deploy.stack.servers import Servers


async def publish_missing_packs(servers: Servers, settings: Settings) -> list[str]:
    """Publish every pack of a city that has none in force, and say what was done. Raises DeployError for mistakes.

    Later changes are published by a person: what is in force is not replaced behind anybody's back.
    """
    kafka = KafkaCluster(servers.bootstrap, settings.topic_prefix, topic_spec=find_topic)
    messages = []
    async with open_connection(servers.dsn) as connection:
        for folder in sorted(path.parent for path in settings.cities.glob("*/city.toml")):
            # Folders are named after their cities, so what is in force already need not be read.
            if await city_packs.find_version_in_force(connection, folder.name) is not None:
                continue
            pack = _valid_pack(folder)
            if await city_packs.find_version_in_force(connection, pack.id) is None:
                published = await publish(connection, kafka, pack)
                messages.append(f"city {published.city} is in force under version {published.version[:12]}")
    return messages


def _valid_pack(folder: Path) -> Pack:
    try:
        return check_folder(folder).valid_pack()
    except InvalidPack as error:
        raise DeployError(f"the city pack {folder} has mistakes:\n{error}") from error
