"""Records of a made-up city, and the mapping that parses them."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from paidan_contracts.city.import_mappings import ImportMapping
from paidan_deploy.importing.parse import RowParser
from paidan_deploy.importing.rows import ImportRow, KnownCodes

MAPPING_TOML: Final = """
id = "old"
note = "Made up for tests."
encoding = "utf-8"
zone = "Asia/Shanghai"
time_format = "%Y-%m-%d %H:%M"
crs = "wgs84"
default_source = "records"
categories = [{ value = "rubbish", class_code = "E0110" }]
owners = [{ value = "S", department = "streets" }]
sources = [{ value = "R", source = "records" }]
statuses = [
    { value = "done", becomes = "closed", at = ["ended"] },
    { value = "gone", becomes = "voided", at = ["ended"] },
    { value = "not ours", becomes = "not_accepted", at = ["ended"] },
    { value = "open", becomes = "open" },
]

[columns]
id = "no"
reported_at = "began"
category = "what"
status = "status"
owner = "who"
source = "by"
promised_on = "promised"
latitude = "lat"
longitude = "lon"
district = "district"
address = "where"
"""
HEADER: Final = "no,began,ended,what,status,who,by,promised,lat,lon,district,where"
IMPORT_MAPPING: Final = ImportMapping.model_validate(tomllib.loads(MAPPING_TOML))
NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN_CODES: Final = KnownCodes(frozenset({"E0110"}), frozenset({"streets"}), frozenset({"990101", "990102"}))


def record_line(no: str, status: str = "open", *, ended: str = "", where: str = "") -> str:
    """Return a complete line of the file."""
    return f"{no},2026-02-02 09:00,{ended},rubbish,{status},S,R,2026-02-04 00:00,36.005,117.005,990101,{where}"


def parse_by(mapping: Mapping[str, object], lines: Iterable[str]) -> tuple[list[ImportRow], RowParser]:
    """Parse a whole file, header included, by a mapping with these changes; columns are merged."""
    content = tomllib.loads(MAPPING_TOML)
    columns = {**content["columns"], **mapping.get("columns", {})}  # type: ignore[dict-item]  # a table of names
    parser = RowParser(ImportMapping.model_validate({**content, **mapping, "columns": columns}), KNOWN_CODES, NOW)
    return list(parser.parse(f"{line}\n" for line in lines)), parser


def parse_lines(*lines: str) -> tuple[list[ImportRow], RowParser]:
    """Parse these lines under the header; return the rows, and the parser with its warnings."""
    parser = RowParser(IMPORT_MAPPING, KNOWN_CODES, NOW)
    return list(parser.parse(f"{line}\n" for line in (HEADER, *lines))), parser
