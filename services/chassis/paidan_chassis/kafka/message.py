"""The message that services hand to a producer or to a consumer's outbox."""

from typing import NamedTuple


class Message(NamedTuple):
    """An outgoing message: ``topic`` without the installation's prefix, CloudEvents headers set by its author.

    A message that goes through a lane's outbox gets ``ce_origin``, ``ce_sequence`` and ``ce_previous`` added there.
    """

    topic: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
