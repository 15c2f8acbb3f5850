"""Kafka's ACLs for an installation: what each service, department and source may read and write, and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from paidan_chassis import city_packs
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.city import Pack
from paidan_contracts.topics import (
    ALARMS,
    ALARMS_PREFIX,
    ANSWERS_PREFIX,
    CASES,
    CHECKS,
    DEAD_LETTERS,
    EMERGENCIES,
    INBOX,
    ORDERS_PREFIX,
    OUTCOMES,
    SCORES,
    TASKS,
)
from paidan_contracts.wire import SCREENED_CHANNELS
from paidan_deploy.errors import DeployError
from paidan_deploy.services import COCKPIT, DISPATCH, INTAKE, SCORING, Service

Operation = Literal["Read", "Write"]
Resource = Literal["topic", "group"]
SERVICE_PRINCIPAL: Final = "paidan-{name}"
# Numbers of Kafka's protocol. A right to read or write a topic implies the right to describe it.
_RESOURCE_TYPES: Final = {"topic": 2, "group": 3}
_PATTERN_TYPES: Final = {False: 3, True: 4}
_OPERATIONS: Final = {"Read": 3, "Write": 4}
_ALLOW: Final = 3
_CLUSTER_AUTHORIZATION_FAILED: Final = 31
_SECURITY_DISABLED: Final = 54
_READ_TOPICS: Final = {
    INTAKE: (ALARMS.name, OUTCOMES.name, CASES.name),
    DISPATCH: (INBOX.name,),
    SCORING: (CASES.name,),
    COCKPIT: (CASES.name, CHECKS.name, OUTCOMES.name, SCORES.name),
}
_READ_PREFIXES: Final = {INTAKE: (ALARMS_PREFIX,), DISPATCH: (ANSWERS_PREFIX,), SCORING: (), COCKPIT: ()}
_WRITE_TOPICS: Final = {
    INTAKE: (ALARMS.name, INBOX.name, OUTCOMES.name, DEAD_LETTERS.name),
    DISPATCH: (INBOX.name, CASES.name, OUTCOMES.name, DEAD_LETTERS.name, TASKS.name, EMERGENCIES.name),
    SCORING: (SCORES.name, DEAD_LETTERS.name),
    COCKPIT: (DEAD_LETTERS.name,),
}
_WRITE_PREFIXES: Final = {INTAKE: (ALARMS_PREFIX,), DISPATCH: (ORDERS_PREFIX,), SCORING: (), COCKPIT: ()}


class AclsRefused(DeployError):
    """The cluster did not create an ACL."""


class AclsNotKept(AclsRefused):
    """The cluster has no authorizer, or does not let this login create ACLs: whoever runs it does."""


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """A right of one principal: an operation on one topic or group, or on all whose names begin so."""

    principal: str
    operation: Operation
    resource: Resource
    name: str
    is_prefix: bool = False

    def command(self) -> str:
        """Return the arguments of `kafka-acls.sh` that create it."""
        pattern = " --resource-pattern-type prefixed" if self.is_prefix else ""
        right = f"--operation {self.operation} --{self.resource} {self.name}{pattern}"
        return f"--add --allow-principal '{self.principal}' {right}"


def acls_of(packs: Iterable[Pack], *, topic_prefix: str, principal: str = "User:{id}") -> list[Acl]:
    """Return all rights; ``principal`` makes a principal of the id of a service, department or source.

    Raises DeployError for a department whose id would let it join a service's consumer group.
    """
    rights = [
        (SERVICE_PRINCIPAL.format(name=service.name), right)
        for service in _READ_TOPICS
        for right in _of_service(service, topic_prefix)
    ]
    for pack in packs:
        rights += [(each.id, right) for each in pack.departments for right in _of_department(each.id, topic_prefix)]
        rights += [
            (each.id, right)
            for each in pack.sources
            if each.kind in SCREENED_CHANNELS
            for right in _of_source(each.id, topic_prefix, own_topic=each.own_topic is True)
        ]
    return sorted(
        Acl(principal.format(id=id_), operation, resource, name, is_prefix)
        for id_, (operation, resource, name, is_prefix) in rights
    )


_Right = tuple[Operation, Resource, str, bool]


def _of_service(service: Service, topic_prefix: str) -> Iterator[_Right]:
    for topic in _READ_TOPICS[service]:
        yield "Read", "topic", topic_prefix + topic, False
    for prefix in _READ_PREFIXES[service]:
        yield "Read", "topic", topic_prefix + prefix, True
    for topic in _WRITE_TOPICS[service]:
        yield "Write", "topic", topic_prefix + topic, False
    for prefix in _WRITE_PREFIXES[service]:
        yield "Write", "topic", topic_prefix + prefix, True
    yield "Read", "group", topic_prefix + service.name, True


def _of_department(department: str, topic_prefix: str) -> Iterator[_Right]:
    groups = [topic_prefix + service.name for service in _READ_TOPICS]
    if department.startswith(tuple(groups)) or any(group.startswith(f"{department}.") for group in groups):
        raise DeployError(
            f"department {department} would share consumer groups with a service: give it another id"
            f" / 部门 {department} 会与某个服务共用消费组：请换用其他 id"
        )
    yield "Read", "topic", topic_prefix + ORDERS_PREFIX + department, False
    yield "Write", "topic", topic_prefix + ANSWERS_PREFIX + department, False
    yield "Read", "group", department, False
    yield "Read", "group", f"{department}.", True


def _of_source(source: str, topic_prefix: str, *, own_topic: bool) -> Iterator[_Right]:
    yield "Write", "topic", topic_prefix + ALARMS_PREFIX + source, False
    if not own_topic:
        yield "Write", "topic", topic_prefix + ALARMS.name, False


async def create_acls(kafka: KafkaCluster, acls: Iterable[Acl]) -> None:
    """Create rights on the cluster; those that exist stay. Raises AclsRefused, or AclsNotKept."""
    admin = AIOKafkaAdminClient(client_id="paidan-acls", **kafka.client_options())
    try:
        await admin.start()
        for acl in acls:
            request = CreateAclsRequest(
                _RESOURCE_TYPES[acl.resource],
                acl.name,
                _PATTERN_TYPES[acl.is_prefix],
                acl.principal,
                "*",
                _OPERATIONS[acl.operation],
                _ALLOW,
            )
            response = await admin._send_request(request)  # noqa: SLF001 - aiokafka's admin has no call for ACLs
            for code, message in response.creation_responses:
                if code:
                    is_not_ours = code in (_CLUSTER_AUTHORIZATION_FAILED, _SECURITY_DISABLED)
                    raise (AclsNotKept if is_not_ours else AclsRefused)(
                        f"{acl.command()}: {message or f'error {code}'}"
                    )
    finally:
        await admin.close()


async def published_packs(connection: Connection) -> list[Pack]:
    """Return the newest pack of each published city."""
    versions = await city_packs.load_newest_versions(connection)
    contents = [await city_packs.find_content(connection, version) for version in versions.values()]
    return [Pack.model_validate_json(content) for content in contents if content is not None]
