"""Response headers that clients outside a service rely on; nothing is imported, for commands start with it."""

from typing import Final

INSTANCE_HEADER: Final = "x-paidan-instance"
