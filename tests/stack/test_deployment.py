"""The deployment's files are valid, and refer only to what exists."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from paidan_chassis.observability.metrics import COUNTERS, GAUGES, HISTOGRAMS
from paidan_deploy.services import SERVICES

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
PROCESS_METRICS: Final = {"process_cpu_seconds_total"}
WHOLE: Final = (
    "docker/compose.yaml",
    "docker/compose.secured.yaml",
    "helm/paidan/Chart.yaml",
    "helm/paidan/values.yaml",
    "monitoring/alerts.yaml",
)
NAMES: Final = tuple(service.name for service in SERVICES)
TEMPLATES: Final = DEPLOY / "helm" / "paidan" / "templates"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    return found


def known_series() -> set[str]:
    suffixed = {f"{name}_{suffix}" for name in HISTOGRAMS for suffix in ("bucket", "sum", "count")}
    return {*COUNTERS, *GAUGES, *suffixed, *PROCESS_METRICS}


def named_series(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:paidan|process)_[a-z_]+", expression))


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_is_yaml(name: str) -> None:
    assert read(name)


def test_compose_and_chart_run_every_service_on_its_port() -> None:
    ports = {service.name: service.port for service in SERVICES}
    compose = read("docker/compose.yaml")["services"]

    assert {name: each["port"] for name, each in read("helm/paidan/values.yaml")["services"].items()} == ports
    for name, port in ports.items():
        assert compose[name]["command"] == ["serve", name, "--host", "0.0.0.0"]  # noqa: S104 - inside a container
        assert compose[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert compose[name]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}


def test_a_template_uses_only_existing_values() -> None:
    values = read("helm/paidan/values.yaml")
    for template in (DEPLOY / "helm" / "paidan" / "templates").iterdir():
        for path in re.findall(r"\.Values\.([A-Za-z.]+)", template.read_text()):
            found: Any = values
            for part in path.split("."):
                assert part in found, f"{template.name} uses .Values.{path}"
                found = found[part]


def test_every_alert_queries_an_existing_metric_and_names_the_first_step() -> None:
    rules = [rule for group in read("monitoring/alerts.yaml")["groups"] for rule in group["rules"]]

    for rule in rules:
        assert named_series(rule["expr"]) <= known_series(), rule["alert"]
        assert rule["annotations"]["first"]
    assert len(rules) >= 8


def test_every_panel_queries_an_existing_metric() -> None:
    panels = json.loads((DEPLOY / "monitoring" / "dashboard.json").read_text())["panels"]

    queried = {panel["title"]: named_series(target["expr"]) for panel in panels for target in panel["targets"]}
    assert {title: series - known_series() for title, series in queried.items() if series - known_series()} == {}
    assert all(queried.values())


def mounts(container: dict[str, Any]) -> dict[str, str]:
    """Return the volumes of a container of compose, and where they are mounted."""
    return dict(each.split(":")[:2] for each in container["volumes"])


def test_compose_gives_each_container_its_own_secrets_alone() -> None:
    containers = read("docker/compose.yaml")["services"]

    owners = {name for name, each in containers.items() if "PAIDAN_DATABASE" in each.get("environment", {})}
    assert owners == {"prepare"}
    for name in NAMES:
        mounted = mounts(containers[name])
        assert mounted.pop("photos", "") == ("/var/lib/paidan/photos" if name == "intake" else "")
        assert mounted == {f"{name}-secrets": "/var/lib/paidan/secrets"}
        assert f"{name}-secrets:/var/lib/paidan/secrets:ro" in containers[name]["volumes"]
        assert mounts(containers["prepare"])[f"{name}-secrets"] == f"/var/lib/paidan/handover/{name}"


def test_compose_shows_each_container_its_own_login_to_a_secured_kafka() -> None:
    containers = read("docker/compose.secured.yaml")["services"]

    users = {name: containers[name]["environment"]["PAIDAN_KAFKA_USER"] for name in ("prepare", *NAMES)}
    assert users == {"prepare": "operator"} | {name: f"paidan-{name}" for name in NAMES}
    for name in NAMES:
        environment = containers[name]["environment"]
        assert environment["PAIDAN_KAFKA_TLS"] == "true"
        assert {f"{name.upper()}_TLS_CERT", f"{name.upper()}_TLS_KEY"} <= environment.keys()
        passwords = [value for key, value in environment.items() if "PASSWORD" in key]
        assert passwords == [f"${{KAFKA_{name.upper()}_PASSWORD:?}}"]


def test_no_container_of_ours_may_write_its_image_or_gain_rights() -> None:
    containers = read("docker/compose.yaml")["services"]
    for name in ("prepare", *NAMES):
        assert containers[name]["read_only"] is True
        assert containers[name]["cap_drop"] == ["ALL"]
        assert containers[name]["security_opt"] == ["no-new-privileges:true"]
    dockerfile = (DEPLOY / "docker" / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == ["10001"]


def test_the_chart_gives_the_owners_dsn_to_the_preparing_job_alone() -> None:
    values = read("helm/paidan/values.yaml")
    holders = {
        template.name
        for template in TEMPLATES.iterdir()
        if re.search(r"PAIDAN_DATABASE|databaseSecret|prepare\.secret", template.read_text())
    }

    assert holders == {"prepare.yaml"}
    secrets = [values["prepare"]["secret"], values["prepare"]["databaseSecret"]]
    secrets += [service["secret"] for service in values["services"].values()]
    assert len(set(secrets)) == len(secrets), "no secret is mounted by two"


@pytest.mark.parametrize("template", ["prepare.yaml", "services.yaml"])
def test_every_pod_of_the_chart_is_confined(template: str) -> None:
    text = (TEMPLATES / template).read_text()
    pod, container = (
        (TEMPLATES / "_pod.tpl").read_text().split('define "paidan.podSecurity"')[1].split("paidan.security")
    )

    for helper in ("paidan.podSecurity", "paidan.security"):
        assert text.count(f'include "{helper}"') == text.count("containers:") == 1
    for block in (pod, container):
        assert "runAsNonRoot: true" in block
        assert "seccompProfile: {type: RuntimeDefault}" in block
    assert "readOnlyRootFilesystem: true" in container
    assert "drop: [ALL]" in container
    assert "automountServiceAccountToken: false" in text


def test_the_chart_closes_the_network_to_all_but_callers_and_servers() -> None:
    policy, values = (TEMPLATES / "networkpolicy.yaml").read_text(), read("helm/paidan/values.yaml")["networkPolicy"]

    assert values["enabled"] is True
    assert "policyTypes: [Ingress, Egress]" in policy
    assert all(values[name]["peers"] for name in ("kafka", "database"))
    assert values["callers"]
    labels = re.search(r"matchLabels:\n((?: {6}\S.*\n)+)", policy)
    assert labels is not None
    for template in ("prepare.yaml", "services.yaml"):
        for label in re.findall(r"app\.kubernetes\.io/\w+", labels[1]):
            assert (TEMPLATES / template).read_text().count(label) >= 1, "the policy selects every pod"


@pytest.mark.parametrize("kind", ["run", "dev", "postgres", "bootstrap", "audit"])
def test_every_package_is_pinned_with_a_hash_and_names_no_registry(kind: str) -> None:
    text = (DEPLOY / "requirements" / f"{kind}.txt").read_text()

    assert len(re.findall(r"^\S+==", text, re.MULTILINE)) == len(
        re.findall(r"^\S+==[^\n]*\\\n +--hash=", text, re.MULTILINE)
    )
    assert "://" not in text
    assert f" {kind} " in (DEPLOY / "audit.sh").read_text().replace(";", " ")


def test_every_figure_of_a_city_has_an_alert_and_a_panel() -> None:
    figures = {name for name in GAUGES if name.startswith(("paidan_cases_", "paidan_source_"))}

    for file in ("alerts.yaml", "dashboard.json"):
        assert named_series((DEPLOY / "monitoring" / file).read_text()) >= figures, file
    assert len(figures) == 6
