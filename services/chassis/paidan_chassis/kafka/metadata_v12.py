"""Kafka's Metadata request in version 12, which returns topic ids; aiokafka stops at version 5, which does not."""

from io import BytesIO
from typing import ClassVar, NamedTuple
from uuid import UUID

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

_COMPACT_STRING = CompactString("utf-8")


class Uuid(AbstractType[UUID]):  # type: ignore[misc] # aiokafka is untyped
    """A UUID as 16 bytes."""

    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


class MetadataResponse12(Response):  # type: ignore[misc] # aiokafka is untyped
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", _COMPACT_STRING),
                ("port", Int32),
                ("rack", _COMPACT_STRING),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", _COMPACT_STRING),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _COMPACT_STRING),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class MetadataRequest12(RequestStruct):  # type: ignore[misc] # aiokafka is untyped
    FLEXIBLE_VERSION: ClassVar[bool] = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = MetadataResponse12
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", Uuid), ("name", _COMPACT_STRING), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicMetadata(NamedTuple):
    """One topic on the cluster."""

    topic_id: str
    partitions: int
    has_leaders: bool
    """Every partition has a leader."""


class ClusterMetadata(NamedTuple):
    """The cluster's id, and those of the requested topics that exist, by their prefixed names."""

    cluster_id: str
    topics: dict[str, TopicMetadata]


class MetadataRequest(Request[MetadataRequest12]):  # type: ignore[misc] # aiokafka is untyped
    """A request for the cluster's id and these topics (prefixed names); it never creates a topic."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self.topics = topics

    def build(self, request_struct_class: type[MetadataRequest12]) -> MetadataRequest12:
        return request_struct_class([(UUID(int=0), name, {}) for name in self.topics], False, False, {})


def parse_metadata(response: Response) -> ClusterMetadata:
    """Decode the response to a ``MetadataRequest``; topics that do not exist are left out."""
    body = response.to_object()
    topics = {
        topic["name"]: TopicMetadata(
            topic_id=str(topic["topic_id"]),
            partitions=len(topic["partitions"]),
            has_leaders=all(partition["leader"] >= 0 for partition in topic["partitions"]),
        )
        for topic in body["topics"]
        if not topic["error_code"]
    }
    return ClusterMetadata(body["cluster_id"] or "", topics)
