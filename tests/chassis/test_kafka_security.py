"""Every Kafka client logs in and encrypts as the settings say; settings that contradict each other are refused."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from paidan_chassis.errors import Misconfigured
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.security import KafkaSecuritySettings
from paidan_chassis.settings import ServiceSettings, settings_config
from paidan_deploy.stack.saved_servers import SavedServers
from tests.secured import make_certificates
from tests.vault import KEY

ROOT = Path(__file__).parents[2]
CLIENTS = r"\b(AIOKafka(Consumer|Producer|AdminClient)|KafkaBroker)\("


class Settings(ServiceSettings):
    model_config = settings_config("SECURED_")


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    given = {"kafka": "k:9092", "database": "postgresql://d", "vault_key": KEY, "port": "0"} | variables
    for name, value in given.items():
        monkeypatch.setenv(f"SECURED_{name.upper()}", value)
    return Settings.load()


def test_without_settings_nothing_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch).kafka_security() is None
    assert KafkaSecuritySettings().security_variables() == {}


@pytest.mark.parametrize(
    ("sasl", "mechanism"),
    [("plain", "PLAIN"), ("scram-sha-256", "SCRAM-SHA-256"), ("scram-sha-512", "SCRAM-SHA-512")],
)
def test_a_login_over_tls(sasl: str, mechanism: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    settings = load(
        monkeypatch,
        kafka_sasl=sasl,
        kafka_user="u",
        kafka_password="p",
        kafka_tls="true",
        kafka_ca=str(files.ca),
        kafka_cert=str(files.cert),
        kafka_key=str(files.key),
    )

    options = KafkaCluster("k:9092", security=settings.kafka_security()).client_options()

    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", mechanism)
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "p")
    assert options["ssl_context"].check_hostname


def test_a_login_without_tls_and_tls_without_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    scram = load(monkeypatch, kafka_sasl="scram-sha-512", kafka_user="u", kafka_password="p")
    assert KafkaCluster("k", security=scram.kafka_security()).client_options()["security_protocol"] == "SASL_PLAINTEXT"

    for name in ("SASL", "USER", "PASSWORD"):
        monkeypatch.delenv(f"SECURED_KAFKA_{name}")
    tls = load(monkeypatch, kafka_tls="true")
    assert KafkaCluster("k", security=tls.kafka_security()).client_options()["security_protocol"] == "SSL"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"kafka_sasl": "scram-sha-512"}, "kafka_sasl needs kafka_user and kafka_password"),
        ({"kafka_sasl": "scram-sha-512", "kafka_user": "u"}, "kafka_sasl needs kafka_user and kafka_password"),
        ({"kafka_user": "u", "kafka_password": "p"}, "kafka_user needs kafka_sasl"),
        ({"kafka_sasl": "plain", "kafka_user": "u", "kafka_password": "hunter2"}, "needs kafka_tls=true"),
        ({"kafka_sasl": "gssapi"}, "SECURED_KAFKA_SASL: Input should be 'plain', 'scram-sha-256' or 'scram-sha-512'"),
        ({"kafka_ca": "ca.pem"}, "kafka_ca, kafka_cert and kafka_key need kafka_tls=true"),
        ({"kafka_tls": "true", "kafka_cert": "cert.pem"}, "kafka_cert and kafka_key need each other"),
        ({"tls_cert": "cert.pem"}, "tls_cert and tls_key need each other"),
        ({"tls_key": "key.pem"}, "tls_cert and tls_key need each other"),
    ],
)
def test_a_contradiction_is_refused(variables: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Misconfigured) as refused:
        load(monkeypatch, **variables)

    assert named in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_no_certificate_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    for variables in ({"kafka_ca": "missing.pem"}, {"kafka_ca": str(tmp_path / "junk.pem")}):
        with pytest.raises(Misconfigured, match=re.escape(variables["kafka_ca"])):
            load(monkeypatch, kafka_tls="true", **variables).kafka_security()
    junk = str(tmp_path / "junk.pem")
    with pytest.raises(Misconfigured, match=r"junk\.pem"):
        load(monkeypatch, kafka_ca="", kafka_tls="false", tls_cert=junk, tls_key=junk).edge_ssl_context()


def test_servers_are_saved_with_their_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A later command needs no variables, and a service gets those of the command that started it."""
    saved = SavedServers("k:9093", None, "", "scram-sha-512", "u", "p", kafka_tls=True, kafka_ca=Path("ca.pem"))
    saved.write(tmp_path / "servers.json")

    found = SavedServers.read(tmp_path / "servers.json")

    assert found == saved
    settings = KafkaSecuritySettings(
        kafka_sasl="scram-sha-512",
        kafka_user="u",
        kafka_password=SecretStr("p"),
        kafka_tls=True,
        kafka_ca=Path("ca.pem"),
    )
    assert settings.security_variables() == {
        "KAFKA_SASL": "scram-sha-512",
        "KAFKA_USER": "u",
        "KAFKA_PASSWORD": "p",
        "KAFKA_TLS": "True",
        "KAFKA_CA": "ca.pem",
    }


def test_no_client_is_made_without_the_clusters_options() -> None:
    """A client that names only addresses can never reach a secured cluster."""
    for source in [*ROOT.glob("services/*/*/**/*.py"), *ROOT.glob("deploy/paidan_deploy/**/*.py")]:
        text = source.read_text()
        for made in re.finditer(CLIENTS, text):
            arguments = text[made.end() : made.end() + 900]
            assert re.search(r"client_options\(\)|security=", arguments), f"{source}: {made.group()}"
