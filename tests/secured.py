"""A Kafka and a PostgreSQL as a deployment has them: TLS, passwords, and ACLs that allow nothing by themselves."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from paidan_chassis.clock import real_now
from paidan_chassis.kafka.security import KafkaSecuritySettings
from paidan_deploy.servers import run_as
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests.servers import CACHE, KAFKA_PROPERTIES, POSTGRES_OPTIONS

ADMIN: Final = "operator"
MECHANISM: Final = "SCRAM-SHA-512"
SCRAM_LOGIN: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"
_LISTENER: Final = "listener.name.sasl_ssl"


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files of an authority, and of one certificate for loopback that it has signed."""

    ca: Path
    cert: Path
    key: Path


def password_of(user: str) -> str:
    """Return a user's password, the same in every run: these servers live on loopback, for one test run."""
    return f"{user}-password"


def make_certificates(folder: Path) -> Certificates:
    """Create an authority, and a certificate for servers and clients on loopback."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Paidan test authority")])
    ca_cert = (
        _certificate(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    alternatives = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
    cert = (
        _certificate(name, ca_name, key.public_key())
        .add_extension(alternatives, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    files = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    files.ca.write_bytes(ca_cert.public_bytes(Encoding.PEM))
    files.cert.write_bytes(cert.public_bytes(Encoding.PEM))
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files.key.chmod(0o600)
    return files


def _certificate(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = real_now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
    )


@dataclass(frozen=True, slots=True)
class SecuredKafka:
    """A broker that takes logins by SCRAM over TLS alone, and lets nobody but the operator do anything."""

    server: KafkaServer
    certificates: Certificates

    def settings(self, user: str, **changes: Any) -> KafkaSecuritySettings:  # noqa: ANN401 - of any setting
        """Return the settings of a client that logs in as this user."""
        given: dict[str, Any] = {
            "kafka_sasl": "scram-sha-512",
            "kafka_user": user,
            "kafka_password": password_of(user),
            "kafka_tls": True,
            "kafka_ca": self.certificates.ca,
        }
        return KafkaSecuritySettings(**(given | changes))

    def variables(self, user: str) -> dict[str, str]:
        """Return the variables of the `paidan` command for this user."""
        own = {f"PAIDAN_{name}": value for name, value in self.settings(user).security_variables().items()}
        return {"PAIDAN_KAFKA": self.server.address} | own


@contextmanager
def secured_kafka(folder: Path, users: Sequence[str]) -> Iterator[SecuredKafka]:
    """Start the broker with these users besides the operator (about 8 s); it is removed at the end."""
    certificates = make_certificates(folder / "certificates")
    keystore = folder / "keystore.pem"
    keystore.write_bytes(certificates.key.read_bytes() + certificates.cert.read_bytes())
    server = KafkaServer(
        home=folder / "kafka",
        cache=CACHE,
        protocol="SASL_SSL",
        properties=KAFKA_PROPERTIES | _security_properties(certificates, keystore),
        format_options=tuple(
            argument
            for user in (ADMIN, *users)
            for argument in ("--add-scram", f"{MECHANISM}=[name={user},password={password_of(user)}]")
        ),
    )
    server.start()
    try:
        yield SecuredKafka(server, certificates)
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _security_properties(certificates: Certificates, keystore: Path) -> dict[str, str]:
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The controller's listener is plain, on loopback: the broker itself is anonymous there.
        "super.users": f"User:{ADMIN};User:ANONYMOUS",
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        f"{_LISTENER}.{MECHANISM.lower()}.sasl.jaas.config": (
            f'{SCRAM_LOGIN} required username="{ADMIN}" password="{password_of(ADMIN)}";'
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.ca),
    }


@contextmanager
def secured_postgres(folder: Path) -> Iterator[tuple[PostgresServer, Path]]:
    """Start a PostgreSQL that offers TLS, and yield it with the authority that verifies it."""
    certificates = make_certificates(folder / "certificates")
    home = folder / "postgres"
    user = run_as.unprivileged_user()
    files = run_as.make_data_folder(user, home)
    for name in ("cert", "key"):
        copied = Path(shutil.copy(getattr(certificates, name), files / f"{name}.pem"))
        copied.chmod(0o600)
        if user is not None:
            os.chown(copied, user, user)
    tls = {"ssl": "on", "ssl_cert_file": str(files / "cert.pem"), "ssl_key_file": str(files / "key.pem")}
    server = PostgresServer(home=home, options=POSTGRES_OPTIONS | tls, password="test-password")
    server.start()
    try:
        yield server, certificates.ca
    finally:
        server.kill()
        server.remove_files()
        shutil.rmtree(folder, ignore_errors=True)
