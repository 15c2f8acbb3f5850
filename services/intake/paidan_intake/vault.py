"""What a report keeps to itself, sealed. Keys and sealing are the chassis'; where it is kept is in `queries`."""

from typing import Final

from pydantic import TypeAdapter

from paidan_chassis.encryption import Cipher, Ciphertext
from paidan_intake.normalization import VaultContent

_CONTENT_ADAPTER: Final = TypeAdapter(VaultContent)


def encrypt(cipher: Cipher, report_id: str, content: VaultContent) -> Ciphertext:
    """Seal what came with a report, for this report alone."""
    return cipher.encrypt(_CONTENT_ADAPTER.dump_json(content), associated_data=report_id)


def decrypt(cipher: Cipher, report_id: str, ciphertext: Ciphertext) -> VaultContent:
    """Open what was sealed for this report; raises ``sealing.Unopenable``."""
    return _CONTENT_ADAPTER.validate_json(cipher.decrypt(ciphertext, associated_data=report_id))
