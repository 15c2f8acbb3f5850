"""HTTP requests refuse every field that they do not know, however deep: a misspelt one would be lost."""

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_args

import pytest
from pydantic import BaseModel, BeforeValidator, ValidationError

from paidan_contracts.wire import RequestModel
from paidan_dispatch.api import models as dispatch_models
from paidan_dispatch.api import reads
from paidan_dispatch.api.models import ActionBody
from paidan_intake import tickets
from paidan_intake.api import models as intake_models
from paidan_intake.api import reporter
from paidan_intake.tickets import Ticket

MODULES = (dispatch_models, intake_models, reads, reporter, tickets)


def requests_in(module: ModuleType) -> Iterator[type[RequestModel]]:
    for each in vars(module).values():
        if inspect.isclass(each) and issubclass(each, RequestModel) and each is not RequestModel:
            yield each


def tolerant_models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any type
    """Yield the models in a type that ignore unknown fields, but for those that are marked."""
    arguments = get_args(annotation)
    if any(isinstance(each, BeforeValidator) for each in arguments):
        return
    if (
        inspect.isclass(annotation)
        and issubclass(annotation, BaseModel)
        and annotation.model_config.get("extra") != "forbid"
    ):
        yield annotation
    for each in arguments:
        yield from tolerant_models(each)


@pytest.mark.parametrize(
    "model",
    sorted({each for module in MODULES for each in requests_in(module)}, key=str),
    ids=lambda each: str(each.__name__),
)
def test_no_part_of_a_request_ignores_unknown_fields(model: type[RequestModel]) -> None:
    hints = inspect.get_annotations(model, eval_str=True)

    assert {name: found for name, hint in hints.items() if (found := [*tolerant_models(hint)])} == {}


@pytest.mark.parametrize(
    ("model", "body", "field"),
    [
        (ActionBody, {"action": {"kind": "finish", "proofs": ["x"]}}, ("action", "finish", "proofs")),
        (ActionBody, {"action": {"kind": "inspect", "passed": True, "pass": 1}}, ("action", "inspect", "pass")),
        (Ticket, {"source_ref": "1", "past": {"promised_at": None}}, ("past", "promised_at")),
        (Ticket, {"source_ref": "1", "reporter": {"tel": "1"}}, ("reporter", "tel")),
    ],
)
def test_misspelt_field_of_a_part_is_named(
    model: type[RequestModel], body: dict[str, Any], field: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(body)

    assert [each["loc"] for each in raised.value.errors()] == [field]
