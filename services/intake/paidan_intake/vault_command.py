"""``python -m paidan_intake.vault_command``: seals the vault anew; finds, exports and erases a person's reports."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from paidan_chassis import database
from paidan_chassis.encryption import Cipher, DecryptionFailed
from paidan_contracts.pii_mask import mask
from paidan_contracts.text_forms import fold
from paidan_intake import vault, vault_entries
from paidan_intake.app import SCHEMA
from paidan_intake.settings import Settings
from paidan_intake.vault_entries import FIRST_ID, Access, Act, Resealed

_CHUNK: Final = 500
_COMMAND_KEY: Final = "paidan"
"""Stands for the API key of an access by command."""
_NO_QUOTA: Final = 2**31 - 1
_MIN_DIGITS: Final = 7


async def reseal(pool: database.Pool, cipher: Cipher, *, chunk: int = _CHUNK) -> Resealed:
    """Seal every entry under the newest key that is not, while intake runs or not; it can be stopped at any time."""
    total, after = Resealed(0, 0), FIRST_ID
    while True:
        done, last_id = await vault_entries.reseal_some(pool, cipher, after=after, limit=chunk)
        total = Resealed(total.sealed + done.sealed, total.locked + done.locked)
        if last_id is None:
            return total
        after = last_id


async def find_reports_of(pool: database.Pool, cipher: Cipher, phone: str, *, chunk: int = _CHUNK) -> list[str]:
    """Return the reports whose reporter has this telephone number, however it is spelt. It opens every entry."""
    sought, found, after = _digits(phone), [], FIRST_ID
    while entries := await vault_entries.load_sealed(pool, after=after, limit=chunk):
        for entry in entries:
            after = entry.binding.report_id
            try:
                content = vault.open_sealed(cipher, entry.binding, entry.sealed)
            except DecryptionFailed:
                continue
            if content.reporter and content.reporter.phone and _digits(content.reporter.phone) == sought:
                found.append(entry.binding.report_id)
        await asyncio.sleep(0)
    return found


def _digits(phone: str) -> str:
    digits = "".join([each for each in fold(phone).text if each.isdecimal()])
    return digits.removeprefix("00").removeprefix("86") if len(digits) > 11 else digits


async def export(pool: database.Pool, cipher: Cipher, report_id: str, *, reader: str, reason: str) -> dict[str, Any]:
    """Return all that the vault holds of a report, and who looked; the access is recorded first."""
    entry = await vault_entries.find_entry(pool, report_id)
    if entry is None:
        return {"report_id": report_id, "found": False}
    await _record(pool, report_id, reader, reason, "export")
    content = vault.open_sealed(cipher, entry.binding, entry.sealed) if entry.sealed else None
    return {
        "report_id": report_id,
        "found": True,
        "city": entry.binding.city,
        "erased_at": entry.erased_at.isoformat() if entry.erased_at else None,
        "content": vault.to_json(content) if content else None,
        "accesses": [
            each | {"read_at": each["read_at"].isoformat()}
            for each in await vault_entries.list_accesses(pool, report_id)
        ],
    }


async def erase(pool: database.Pool, report_id: str, *, reader: str, reason: str) -> dict[str, Any]:
    """Destroy the personal data of a report; the access is recorded first."""
    if await vault_entries.find_entry(pool, report_id) is None:
        return {"report_id": report_id, "found": False}
    await _record(pool, report_id, reader, reason, "erase")
    erased_at = await vault_entries.erase(pool, report_id)
    return {"report_id": report_id, "found": True, "erased_at": erased_at.isoformat() if erased_at else None}


async def _record(pool: database.Pool, report_id: str, reader: str, reason: str, act: Act) -> None:
    access = Access(report_id, _COMMAND_KEY, reader, mask(reason).text, act)
    await vault_entries.log_access(pool, access, per_hour=_NO_QUOTA)


async def run(pool: database.Pool, cipher: Cipher, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what a command did, as JSON."""
    if arguments.command == "reseal":
        return (await reseal(pool, cipher))._asdict()
    ids = [*arguments.report_ids]
    if arguments.phone and len(_digits(arguments.phone)) >= _MIN_DIGITS:
        ids += await find_reports_of(pool, cipher, arguments.phone)
    who = {"reader": arguments.by, "reason": arguments.reason}
    if arguments.command == "export":
        return {"reports": [await export(pool, cipher, each, **who) for each in ids]}
    return {"reports": [await erase(pool, each, **who) for each in ids]}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of a command."""
    parser = argparse.ArgumentParser(prog="paidan_intake.vault_command")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("reseal")
    for name in ("export", "erase"):
        command = commands.add_parser(name)
        command.add_argument("report_ids", nargs="*")
        command.add_argument("--phone")
        command.add_argument("--reason", required=True)
        command.add_argument("--by", required=True)
    return parser.parse_args(arguments)


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = Settings.load()
    async with database.open_pool(settings.database, schema=SCHEMA, size=settings.pool_size) as pool:
        return await run(pool, settings.cipher(), arguments)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_run(parse(sys.argv[1:]))), ensure_ascii=False) + "\n")
