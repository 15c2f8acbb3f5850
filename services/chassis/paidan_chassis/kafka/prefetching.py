"""Lets aiokafka fetch nothing from a broker while something from there waits to be taken.

After 0.1 s it would fetch the other partitions alone, and where those have nothing new that request stays open for half
a second, in which the busy partition's next records are not asked for: batches that take longer than 0.1 s then come
every half second only. Whoever takes all partitions in one loop gains nothing from it. There is no setting for it.
"""

from typing import Final

from aiokafka.consumer.fetcher import Fetcher

PREFETCH_BACKOFF_S: Final = 60.0


def disable_prefetch_backoff() -> None:
    """Have every consumer of this process fetch so from now on."""
    Fetcher.__init__.__kwdefaults__["prefetch_backoff"] = PREFETCH_BACKOFF_S
