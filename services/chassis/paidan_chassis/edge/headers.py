"""Response headers that clients outside a service rely on. Imports no framework, so that commands start quickly."""

from typing import Final

INSTANCE_HEADER: Final = "x-paidan-instance"
