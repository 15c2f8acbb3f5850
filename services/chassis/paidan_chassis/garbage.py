"""How often a process that works in batches looks for garbage that refers to itself."""

import gc
from typing import Final

_GENERATION_0_THRESHOLD: Final = 100_000


def freeze_gc() -> None:
    """Look seldom from now on, and never again at what there is: what start-up made lives as long as the process.

    A batch makes a hundred thousand objects that die without a cycle. Looking for some took dispatch an eighth of its
    time, and a rebuild of scoring a quarter.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GENERATION_0_THRESHOLD, 20, 100)
