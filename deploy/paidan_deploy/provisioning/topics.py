"""Creates the topics of the contracts."""

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.topic_admin import TopicAdmin
from paidan_contracts.topics import TOPICS


async def create_topics(kafka: KafkaCluster) -> None:
    """Create every topic of the contracts that does not exist yet."""
    async with TopicAdmin(kafka, client_id="paidan") as topic_admin:
        await topic_admin.ensure(topic.name for topic in TOPICS)
