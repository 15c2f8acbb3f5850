"""Puts in force what services need before they start: this release, then each city that has no pack in force."""

from pathlib import Path

from paidan_chassis import city_packs
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.city import InvalidPack, Pack
from paidan_contracts.inbox import RELEASE
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.publish import publish
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.release import place_release_marks


async def publish_missing_packs(packs: Path, *, dsn: str, kafka: KafkaCluster) -> list[str]:
    """Place this release's marks, then publish every pack of a city that has none in force; return a message for each.

    A pack in force is never replaced here: a person publishes later versions. Raises DeployError for mistakes in a
    pack, and where an older release has not decided all that it must.
    """
    messages = []
    async with open_connection(dsn) as connection:
        if marked := await place_release_marks(connection, kafka):
            messages.append(
                f"release {RELEASE} decides from here on: {marked} partitions of the inbox are marked"
                f" / 自此由第 {RELEASE} 版决定：已标记收件日志的 {marked} 个分区"
            )
        for folder in _pack_folders(packs):
            # A folder is named after its city: a pack that is in force already need not be read.
            if await city_packs.find_version_in_force(connection, folder.name) is not None:
                continue
            pack = _valid_pack(folder)
            if await city_packs.find_version_in_force(connection, pack.id) is None:
                published = await publish(connection, kafka, pack)
                version = published.version[:12]
                messages.append(
                    f"city {published.city} is in force under version {version}"
                    f" / 城市 {published.city} 已生效，版本 {version}"
                )
    return messages


def _pack_folders(packs: Path) -> list[Path]:
    return sorted(path.parent for path in packs.glob("*/city.toml"))


def _valid_pack(folder: Path) -> Pack:
    try:
        return check_folder(folder).valid_pack()
    except InvalidPack as error:
        mistakes = "\n".join(each.in_both_languages() for each in error.diagnostics)
        raise DeployError(f"the city pack {folder} has mistakes / 城市配置包 {folder} 有错误:\n{mistakes}") from error
