"""Lets aiokafka compress with lz4's quick level.

It asks for level 9, eight times the work of level 1 for 1.5 % fewer bytes: a tenth of all that dispatch did. There is
no setting for it, so the default of the one function that both of its writers call, the one in C too, is changed.
"""

from typing import Final

from aiokafka import codec

FAST_LZ4_LEVEL: Final = 1


def use_fast_lz4() -> None:
    """Have every producer of this process compress so from now on."""
    codec.lz4_encode.__defaults__ = (FAST_LZ4_LEVEL,)
