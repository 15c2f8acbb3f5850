"""PostgreSQL addresses (DSNs): for another role or database, and for showing."""

from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

DATABASE_NAME: Final = "paidan"


def dsn_for_role(dsn: str, role: str, password: str) -> str:
    """Return the same database's DSN for another role."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return str(urlunsplit(parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{host}")))


def dsn_for_database(dsn: str, name: str) -> str:
    """Return the same server's DSN for another database."""
    return str(urlunsplit(urlsplit(dsn)._replace(path=f"/{name}")))


def redact_password(dsn: str) -> str:
    """Return a DSN that may be shown: without its password and parameters."""
    parts = urlsplit(dsn)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return str(urlunsplit(parts._replace(netloc=f"{name}@{host}" if name else host, query="")))
