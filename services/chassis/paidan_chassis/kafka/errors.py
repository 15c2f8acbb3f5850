"""Errors of producing that are not transient."""

from paidan_chassis.errors import ChassisError


class MessageTooLarge(ChassisError):
    """A value that Kafka would refuse; sent all the same, it would block its partition for this producer for good."""
