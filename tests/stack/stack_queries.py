"""Reads what a running stack holds, and whether processes and ports are still in use."""

import socket
from typing import Any

import asyncpg
import psutil

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.topics import find_topic
from paidan_deploy.credentials import Credentials
from paidan_deploy.settings import StackSettings
from paidan_deploy.stack.servers import Servers
from tests.stack.check_results import read_results
from tests.stack.paidan_command import PaidanCommand


def superuser_dsn(paidan: PaidanCommand) -> str:
    alone = StackSettings(home=paidan.paths.root, kafka=None, database=None)
    return Servers(alone, paidan.paths, Credentials(paidan.paths.secrets)).dsn


async def execute_sql(paidan: PaidanCommand, statement: str) -> None:
    connection = await asyncpg.connect(superuser_dsn(paidan))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def intake_port(paidan: PaidanCommand) -> int:
    return int(next(each.url for each in paidan.state.services if each.name == "intake").rpartition(":")[2])


async def fetch_results(paidan: PaidanCommand) -> list[Any]:
    kafka = paidan.state.kafka
    assert kafka is not None
    return await read_results(KafkaCluster(kafka.address, topic_spec=find_topic))


async def count_cases(paidan: PaidanCommand) -> int:
    connection = await asyncpg.connect(superuser_dsn(paidan))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM dispatch.case_now"))
    finally:
        await connection.close()


def is_bindable(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """A zombie that was not reaped yet is dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
