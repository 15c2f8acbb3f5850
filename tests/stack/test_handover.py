"""What a service is handed is its own: secrets of the installation, under the names of its settings."""

from pathlib import Path

import pytest

from paidan_deploy.credentials import Credentials
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.acls import acls_of
from paidan_deploy.provisioning.handover import hand_over, handed_over, write_prepare_secrets
from paidan_deploy.services import DISPATCH, INTAKE
from tests.contracts.city_packs import load_tiny

ADDRESS = "postgresql://postgres:5432/paidan?sslmode=verify-full"


def test_the_keys_of_an_existing_installation_are_handed_over(tmp_path: Path) -> None:
    """Other keys could not decrypt what it has stored."""
    credentials = Credentials(tmp_path / "secrets")
    vault_key, password = credentials.key("vault-key"), credentials.password(INTAKE.role)

    hand_over(tmp_path / "new", dsn=ADDRESS, credentials=credentials)
    write_prepare_secrets(tmp_path / "new", credentials)

    intake = handed_over(tmp_path / "new" / "intake")
    assert intake["VAULT_KEY"] == vault_key
    assert intake["DATABASE"] == f"postgresql://paidan_intake:{password}@postgres:5432/paidan?sslmode=verify-full"
    assert intake.keys() == {"VAULT_KEY", "LINK_KEY", "DATABASE"}
    prepare = {file.name: file.read_text() for file in (tmp_path / "new" / "prepare").iterdir()}
    assert prepare.keys() == {
        "admin-token",
        *(f"postgres-paidan_{name}" for name in ("intake", "dispatch", "scoring", "cockpit")),
    }
    assert Credentials(tmp_path / "new" / "prepare").password(INTAKE.role) == password


def test_a_mounted_secret_of_kubernetes_is_read(tmp_path: Path) -> None:
    """Beside the files there are a folder and a link whose names begin with two dots."""
    (tmp_path / "..2026_11").mkdir()
    (tmp_path / "..data").symlink_to("..2026_11")
    for name, value in {"database": "postgresql://d\n", "kafka_user": "paidan-dispatch"}.items():
        (tmp_path / "..2026_11" / name).write_text(value)
        (tmp_path / name).symlink_to(f"..data/{name}")

    assert handed_over(tmp_path) == {"DATABASE": "postgresql://d", "KAFKA_USER": "paidan-dispatch"}


def test_the_installations_own_folder_is_not_a_services(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    credentials.key(DISPATCH.vault_secret)

    assert handed_over(tmp_path) == {}


def test_acls_name_a_departments_two_topics_and_a_sources_own() -> None:
    pack = load_tiny().pack
    closed = pack.model_copy(
        update={"sources": tuple(each.model_copy(update={"own_topic": True}) for each in pack.sources)}
    )

    def rights(*packs: object, principal: str) -> set[tuple[str, str, bool]]:
        found = acls_of(packs, topic_prefix="t.", principal="User:CN={id}")  # type: ignore[arg-type] # packs
        return {(acl.operation, acl.name, acl.is_prefix) for acl in found if acl.principal == f"User:CN={principal}"}

    assert rights(pack, principal="streets") == {
        ("Read", "t.paidan.orders.streets", False),
        ("Write", "t.paidan.answers.streets", False),
        ("Read", "streets", False),
        ("Read", "streets.", True),
    }
    assert rights(pack, principal="camera") == {
        ("Write", "t.paidan.alarms.camera", False),
        ("Write", "t.paidan.alarms", False),
    }
    assert rights(closed, principal="camera") == {("Write", "t.paidan.alarms.camera", False)}
    assert rights(pack, principal="hotline") == set()


def test_a_department_with_a_services_name_gets_no_acls() -> None:
    pack = load_tiny().pack
    named = pack.departments[0].model_copy(update={"id": "dispatch-desk"})

    with pytest.raises(DeployError, match="dispatch-desk would share consumer groups with a service"):
        acls_of([pack.model_copy(update={"departments": (named,)})], topic_prefix="")
