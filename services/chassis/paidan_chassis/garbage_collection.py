"""Python's collector of cycles, for processes that make many objects and few cycles."""

import gc
from typing import Final

_GENERATION_0_THRESHOLD: Final = 100_000


def freeze_gc() -> None:
    """Exclude all objects that exist now from garbage collection, and collect new ones rarely.

    A batch makes a hundred thousand objects that are freed without a cycle. Searching them for cycles took dispatch an
    eighth of its time, and a rebuild of scoring a quarter.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GENERATION_0_THRESHOLD, 20, 100)
