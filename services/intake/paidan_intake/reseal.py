"""``python -m paidan_intake.reseal``: seals the vault under the newest key, so that former keys can be retired."""

import asyncio
import json
import sys
from typing import Final

from paidan_chassis import database
from paidan_chassis.encryption import Cipher
from paidan_intake.app import SCHEMA
from paidan_intake.settings import Settings
from paidan_intake.vault_entries import FIRST_ID, Resealed, reseal_some

_CHUNK: Final = 500


async def reseal(pool: database.Pool, cipher: Cipher, *, chunk: int = _CHUNK) -> Resealed:
    """Seal every entry under the newest key that is not, while intake runs or not; it can be stopped at any time."""
    total, after = Resealed(0, 0), FIRST_ID
    while True:
        done, last_id = await reseal_some(pool, cipher, after=after, limit=chunk)
        total = Resealed(total.sealed + done.sealed, total.locked + done.locked)
        if last_id is None:
            return total
        after = last_id


async def _run() -> Resealed:
    settings = Settings.load()
    async with database.open_pool(settings.database, schema=SCHEMA, size=settings.pool_size) as pool:
        return await reseal(pool, settings.cipher())


def main() -> int:
    """Seal the entries anew and print how many; 1 where some are under a key that is not configured."""
    total = asyncio.run(_run())
    sys.stdout.write(json.dumps(total._asdict()) + "\n")
    return 1 if total.locked else 0


if __name__ == "__main__":
    sys.exit(main())
