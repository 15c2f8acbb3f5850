"""A folder of secrets for each service, with what that service needs and nothing of another's or of the owner's."""

import os
from pathlib import Path
from typing import Final

from paidan_deploy.credentials import Credentials
from paidan_deploy.errors import DeployError
from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.servers.dsn import dsn_for_role
from paidan_deploy.services import SERVICES, Service, secret_names

DATABASE_FILE: Final = "database"
OWN_SECRETS: Final = (
    "DATABASE",
    "VAULT_KEY",
    "VAULT_OLD_KEYS",
    "DIGEST_KEY",
    "DIGEST_OLD_KEYS",
    "LINK_KEY",
    "TOKEN_KEY",
    "TOKEN_OLD_KEYS",
    "IDENTITY_OLD_KEYS",
    "KAFKA_USER",
    "KAFKA_PASSWORD",
)
"""Settings of a service that are its own secrets, as variables or in its folder."""
# The owner's own folder: what `paidan prepare` needs besides the owner's DSN.
PREPARE_FOLDER: Final = "prepare"


def hand_over(folder: Path, *, dsn: str, credentials: Credentials) -> None:
    """Write ``folder/<service>``: one file for each secret, named as the setting, and the DSN of the service's role.

    A secret that is there already stays; those that are missing are taken from the installation's, or generated there.
    """
    for service in SERVICES:
        for name, value in _secrets_of(service, dsn, credentials).items():
            write_atomically(folder / service.name / name, value, mode=0o600)


def write_prepare_secrets(folder: Path, credentials: Credentials) -> None:
    """Write ``folder/prepare``: the roles' passwords and the operator's token, under the names that `prepare` reads."""
    names = {f"postgres-{service.role}": credentials.password(service.role) for service in SERVICES}
    for name, value in (names | {"admin-token": credentials.admin_token}).items():
        write_atomically(folder / PREPARE_FOLDER / name, value, mode=0o600)


def handed_over(folder: Path) -> dict[str, str]:
    """Return a service's settings from its own folder of secrets; none where the folder is not such a one.

    Every file is a setting: that in ``vault_key`` is ``VAULT_KEY``. Raises DeployError for one that is unreadable.
    """
    if not (folder / DATABASE_FILE).exists():
        return {}
    try:
        # Kubernetes mounts a secret's files beside folders whose names begin with a dot.
        files = [file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")]
        return {file.name.upper(): file.read_text().strip() for file in files}
    except OSError as error:
        raise DeployError(f"the secrets cannot be read: {error} / 密钥无法读取：{error}") from error


def can_create_secrets(folder: Path) -> bool:
    """Return whether secrets that are missing can be generated here: a mounted secret is read-only."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return os.access(existing, os.W_OK)


def _secrets_of(service: Service, dsn: str, credentials: Credentials) -> dict[str, str]:
    keys = {name.lower(): credentials.key(file) for name, file in secret_names(service).items()}
    return keys | {DATABASE_FILE: dsn_for_role(dsn, service.role, credentials.password(service.role))}
