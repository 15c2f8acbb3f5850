"""The keys under which each service seals, for operators who must look at what it set aside."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from paidan_chassis.encryption import BadKey, Cipher, Unopenable
from paidan_deploy.errors import DeployError
from paidan_deploy.settings import inherited_environment
from paidan_deploy.stack.credentials import Credentials
from paidan_deploy.stack.services import Service


def cipher_of(service: Service, credentials: Credentials) -> Cipher:
    """Give what opens what a service sealed: the home's key and those of the environment. Raises DeployError."""
    key, old_keys = service.variable("VAULT_KEY"), service.variable("VAULT_OLD_KEYS")
    environment = inherited_environment()
    given = (credentials.kept(service.vault_secret), environment.get(key), environment.get(old_keys))
    listed = [each for each in given if each and each.strip()]
    if not listed:
        raise DeployError(f"set {key}: {service.name}'s key is not in {credentials.folder / service.vault_secret}")
    newest, *older = ",".join(listed).split(",")
    try:
        return Cipher.of(SecretStr(newest), SecretStr(",".join(older)))
    except BadKey as error:
        raise DeployError(f"{key}, {old_keys} or {credentials.folder / service.vault_secret}: {error}") from error


@contextmanager
def opening(service: Service) -> Iterator[None]:
    """Say of what cannot be opened which setting would help."""
    try:
        yield
    except Unopenable as error:
        raise DeployError(
            f"{error}; {service.variable('VAULT_OLD_KEYS')} takes keys that {service.name} had"
        ) from error
