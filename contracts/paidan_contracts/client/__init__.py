"""Async clients of a department, over Kafka (``aiokafka``) and HTTP (``httpx``): ``paidan-contracts[client]``."""

from paidan_contracts.client.answers import answer_id
from paidan_contracts.client.http_client import AnswerOutcome, DepartmentHttpClient, RequestRefused
from paidan_contracts.client.kafka_client import DepartmentClient, UnreadableMessage
from paidan_contracts.department_actions import Accept, Finish, Return

__all__ = [
    "Accept",
    "AnswerOutcome",
    "DepartmentClient",
    "DepartmentHttpClient",
    "Finish",
    "RequestRefused",
    "Return",
    "UnreadableMessage",
    "answer_id",
]
