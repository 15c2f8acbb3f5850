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
WHOLE: Final = ("docker/compose.yaml", "helm/paidan/Chart.yaml", "helm/paidan/values.yaml", "monitoring/alerts.yaml")


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
