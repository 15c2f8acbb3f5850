"""What a report keeps to itself, sealed. Keys and sealing are the chassis'; where it is kept is in `queries`."""

from typing import Final

from pydantic import TypeAdapter

from paidan_chassis.encryption import Cipher, Sealed
from paidan_intake.normalization import Private

_PRIVATE: Final = TypeAdapter(Private)


def seal(cipher: Cipher, report_id: str, private: Private) -> Sealed:
    """Seal what came with a report, for this report alone."""
    return cipher.seal(_PRIVATE.dump_json(private), bound_to=report_id)


def unseal(cipher: Cipher, report_id: str, sealed: Sealed) -> Private:
    """Open what was sealed for this report; raises ``sealing.Unopenable``."""
    return _PRIVATE.validate_json(cipher.open(sealed, bound_to=report_id))
