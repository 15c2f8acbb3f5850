"""Puts a checked city pack in force: topics, then the pack under its hash, then an event to every inbox partition."""

from dataclasses import dataclass
from datetime import datetime

from paidan_chassis import city_packs
from paidan_chassis.clock import read_scale, real_now
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cloudevents import encode_headers, source_of
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from paidan_contracts.city import Pack, pack_version
from paidan_contracts.ids import cause_id
from paidan_contracts.inbox import CityInForce
from paidan_contracts.topics import ANSWERS_PREFIX, INBOX, ORDERS_PREFIX, alarms_topic_of
from paidan_contracts.wire import SCREENED_CHANNELS
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.clock import check_city_fits_clock
from paidan_deploy.provisioning.release import place_release_marks


class AreaLevelChanged(DeployError):
    """A city's area level can never change: case ids begin with the area, which also determines the partition."""


class IdTaken(DeployError):
    """Department ids name topics, and source ids make report ids: two cities cannot share either."""


@dataclass(frozen=True, slots=True)
class PublishedPack:
    """A city pack that was put in force; ``partitions`` of the inbox got the event."""

    city: str
    version: str
    partitions: int
    departments: int


async def publish(connection: Connection, kafka: KafkaCluster, pack: Pack) -> PublishedPack:
    """Put a checked pack in force. Safe to repeat after an interruption anywhere: every partition gets the event again.

    A consumer halts at a version that is not in the database, so the pack is committed before the event is sent. And it
    halts where no release is in force, so this release's marks are the inbox's first records.
    """
    content = pack.canonical_bytes()
    version = pack_version(content)
    await check_city_fits_clock(connection, pack)
    await _check_area_level(connection, pack)
    await _check_unique_ids(connection, pack)
    await place_release_marks(connection, kafka)
    async with Publisher(kafka, client_id="paidan-city") as publisher:
        await publisher.topic_admin.ensure([INBOX.name, *topics_of(pack)])
        partitions = await publisher.topic_admin.partitions(INBOX.name)
        await city_packs.save(connection, version, pack.id, content)
        since = await _current_city_time(connection)
        event = CityInForce(city=pack.id, version=version, in_force_at=since)
        await publisher.send_in_order([_record_for(event, partition) for partition in range(partitions)])
    await city_packs.put_in_force(connection, pack.id, version, since)
    return PublishedPack(pack.id, version, partitions, len(pack.departments))


async def _check_area_level(connection: Connection, pack: Pack) -> None:
    levels = {str(level) for level in await city_packs.load_values(connection, pack.id, "area_level")}
    if levels - {pack.area_level}:
        raise AreaLevelChanged(
            f"city {pack.id} has been published with area_level {', '.join(sorted(levels))}; case ids begin"
            f" with the area, so city.toml must keep that area_level"
            f" / 城市 {pack.id} 曾以 area_level {'、'.join(sorted(levels))} 发布；案件编号以区域开头，"
            "city.toml 须保留该 area_level"
        )


async def _check_unique_ids(connection: Connection, pack: Pack) -> None:
    own_ids = {("departments", each.id) for each in pack.departments} | {("sources", each.id) for each in pack.sources}
    conflicts = [
        f"{item.list_name.removesuffix('s')} {item.id} of {item.city}"
        for item in sorted(await city_packs.load_item_ids(connection, ["departments", "sources"]))
        if item.city != pack.id and (item.list_name, item.id) in own_ids
    ]
    if conflicts:
        raise IdTaken(
            f"city {pack.id} may not use ids of another city of this installation: {', '.join(conflicts)};"
            " department ids name topics, and source ids make report ids: change them in departments.csv or sources.csv"
            f" / 城市 {pack.id} 不得使用本安装其他城市的 id：{'、'.join(conflicts)}；部门 id 用作主题名，"
            "来源 id 用于上报编号：请在 departments.csv 或 sources.csv 中更改"
        )


def topics_of(pack: Pack) -> list[str]:
    """Return the topics of a pack's departments and cameras; a unit that acts through its bureau has none."""
    own = [each.id for each in pack.departments if each.channel != "bureau"]
    departments = [prefix + each for each in own for prefix in (ORDERS_PREFIX, ANSWERS_PREFIX)]
    return departments + [alarms_topic_of(each.id).name for each in pack.sources if each.kind in SCREENED_CHANNELS]


def _record_for(event: CityInForce, partition: int) -> ProducerRecord:
    in_force_at = event.in_force_at
    event_id = str(cause_id("city_in_force", event.city, event.version, in_force_at.isoformat(), partition))
    headers = encode_headers(event_id, source_of("city-publish"), event.type, in_force_at, event.city)
    return ProducerRecord(INBOX.name, partition, None, event.model_dump_json().encode(), list(headers))


async def _current_city_time(connection: Connection) -> datetime:
    scale = await read_scale(connection)
    return scale.city_time(real_now()) if scale else real_now()
