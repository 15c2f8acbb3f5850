"""Encryption keys of services, for operators who read or redrive dead letters."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from paidan_chassis.encryption import Cipher, DecryptionFailed, InvalidEncryptionKey
from paidan_deploy.credentials import Credentials
from paidan_deploy.errors import DeployError
from paidan_deploy.services import Service
from paidan_deploy.settings import inherited_environment


def cipher_for(service: Service, credentials: Credentials) -> Cipher:
    """Return a cipher with a service's stored key and those of the environment. Raises DeployError."""
    key, old_keys = service.environment_variable("VAULT_KEY"), service.environment_variable("VAULT_OLD_KEYS")
    environment = inherited_environment()
    sources = (credentials.existing(service.vault_secret), environment.get(key), environment.get(old_keys))
    keys = [each for each in sources if each and each.strip()]
    if not keys:
        raise DeployError(
            f"set {key}: {service.name}'s key is not in {credentials.folder / service.vault_secret}"
            f" / 请设置 {key}：{service.name} 的密钥不在 {credentials.folder / service.vault_secret} 中"
        )
    newest, *older = ",".join(keys).split(",")
    try:
        return Cipher.from_base64(SecretStr(newest), SecretStr(",".join(older)))
    except InvalidEncryptionKey as error:
        raise DeployError(
            f"{key}, {old_keys} or {credentials.folder / service.vault_secret}: {error}"
            f" / {key}、{old_keys} 或 {credentials.folder / service.vault_secret} 中的密钥无效"
        ) from error


@contextmanager
def explain_decryption_errors(service: Service) -> Iterator[None]:
    """Raise a DeployError that names the setting to add for data that cannot be decrypted."""
    try:
        yield
    except DecryptionFailed as error:
        raise DeployError(
            f"{error}; {service.environment_variable('VAULT_OLD_KEYS')} takes earlier keys of {service.name}"
            f" / {service.name} 以前的密钥请写入 {service.environment_variable('VAULT_OLD_KEYS')}"
        ) from error
