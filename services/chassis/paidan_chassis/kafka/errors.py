"""Errors of producing that are not transient."""

from paidan_chassis.errors import ChassisError, Unacknowledged


class MessageTooLarge(ChassisError):
    """A value that Kafka would refuse; sent all the same, it would block its partition for this producer for good."""


class BatchTooLarge(Unacknowledged):
    """Kafka refuses a batch for its size; the same records in smaller batches may pass."""
