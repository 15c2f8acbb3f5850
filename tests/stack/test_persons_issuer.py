"""The issuer of persons' tokens reaches every service of the stack, and none does where none is set."""

import pytest

from paidan_deploy.services import SERVICES, Service, ServiceConfig, environment_with


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
def test_services_learn_who_issues_tokens_of_persons(service: Service) -> None:
    def variables(issuer: str | None) -> dict[str, str]:
        config = ServiceConfig(kafka="k:9092", topic_prefix="", port=1, clock="real", persons_issuer=issuer)
        return environment_with(service, config, secrets={})

    name = f"{service.name}_PERSONS_ISSUER".upper()

    assert variables("http://127.0.0.1:8104")[name] == "http://127.0.0.1:8104"
    assert name not in variables(None)
