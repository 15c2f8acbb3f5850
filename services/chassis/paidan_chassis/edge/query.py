"""Query parameters: those that a route does not declare, and those that are given twice, are refused by name."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, get_args, get_origin
from urllib.parse import parse_qsl, urlencode

from fastapi import Query
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.types import Scope

from paidan_chassis.edge import problems
from paidan_chassis.edge.problems import Problem

DRY_RUN: Final = "dry-run"
DRY_RUN_PARAMETER: Final[Mapping[str, Any]] = {
    "name": DRY_RUN,
    "in": "query",
    "schema": {"type": "boolean", "default": False},
    "description": "Validate and answer, and store nothing. Without a value it is true.",
}
_TRUE_OR_FALSE: Final = ("true or false", "应为 true 或 false")
_MAX_NAME_LENGTH: Final = 60
_SEQUENCES: Final = (list, tuple, set, frozenset)


def _true_if_empty(value: object) -> object:
    return True if value == "" else value


DryRun = Annotated[
    bool,
    BeforeValidator(_true_if_empty),
    Query(alias=DRY_RUN, description="Evaluate it against the case's current state, and change nothing."),
]
_FLAG: Final[TypeAdapter[bool]] = TypeAdapter(Annotated[bool, BeforeValidator(_true_if_empty)])


@dataclass(frozen=True, slots=True)
class QueryRules:
    """The parameters of a route, and which of them may be given more than once."""

    names: frozenset[str]
    repeatable: frozenset[str] = frozenset()
    _canonical: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Accept each name with ``-`` and with ``_``: a dry run that is misspelt so would be done for real."""
        self._canonical.update({_fold(name): name for name in self.names})

    def apply(self, scope: Scope) -> None:
        """Put the declared spelling of each name into the scope's query; raise 422 for any other name, or a second."""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, encoding="utf-8")
        canonical = [(self._canonical.get(_fold(name), ""), name, value) for name, value in pairs]
        given: set[str] = set()
        for name, spelling, _ in canonical:
            if not name:
                raise self._unknown(spelling)
            if name in given and name not in self.repeatable:
                raise _repeated(name)
            given.add(name)
        # `?dry-run` alone is a flag; `?dry-run=` is mostly a variable that was not set, and may have meant either.
        if DRY_RUN in given and any(
            _fold(each) == f"{DRY_RUN}=" for each in scope["query_string"].decode("latin-1").split("&")
        ):
            raise problems.invalid(DRY_RUN, *_TRUE_OR_FALSE)
        if any(name != spelling for name, spelling, _ in canonical):
            scope["query_string"] = urlencode([(name, value) for name, _, value in canonical]).encode()

    def _unknown(self, spelling: str) -> Problem:
        shown, known = _printable(spelling), ", ".join(sorted(self.names))
        nearest = difflib.get_close_matches(_fold(spelling.lower()), self._canonical, n=1)
        message = f"the query parameter {shown} is not known here" + (
            f"; known: {known}" if known else "; there is none"
        )
        message_zh = f"未知的查询参数 {shown}" + (f"；可用参数：{known}" if known else "；该路由没有查询参数")
        if nearest:
            message += f" (did you mean {self._canonical[nearest[0]]}?)"
            message_zh += f"（是否为 {self._canonical[nearest[0]]}？）"
        return Problem(422, "unknown_parameter", message, message_zh, shown)


NO_QUERY: Final = QueryRules(frozenset())


def rules_of(dependant: Dependant, openapi_extra: Mapping[str, Any] | None) -> QueryRules:
    """Return the parameters that a FastAPI route declares, by its signature or in its part of the document."""
    declared = dict(_declared(dependant))
    declared |= {each["name"]: False for each in (openapi_extra or {}).get("parameters", ()) if each["in"] == "query"}
    return QueryRules(frozenset(declared), frozenset(name for name, repeatable in declared.items() if repeatable))


def is_dry_run(scope: Scope) -> bool:
    """Return whether a request's query has ``dry-run=true``; raise 422 for a value that is neither true nor false."""
    try:
        return _FLAG.validate_python(QueryParams(scope["query_string"]).get(DRY_RUN, "false"))
    except ValidationError:
        raise problems.invalid(DRY_RUN, *_TRUE_OR_FALSE) from None


def _declared(dependant: Dependant) -> "list[tuple[str, bool]]":
    found: list[tuple[str, bool]] = []
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found += [
                (info.alias or name, _is_sequence(info.annotation)) for name, info in annotation.model_fields.items()
            ]
        else:
            found.append((parameter.alias, _is_sequence(annotation)))
    for each in dependant.dependencies:
        found += _declared(each)
    return found


def _is_sequence(annotation: object) -> bool:
    origin = get_origin(annotation) or annotation
    return origin in _SEQUENCES or any(_is_sequence(each) for each in get_args(annotation) if origin is Annotated)


def _fold(name: str) -> str:
    return name.replace("_", "-")


def _repeated(name: str) -> Problem:
    message = f"the query parameter {name} is given twice; it may be given once"
    return Problem(422, "repeated_parameter", message, f"查询参数 {name} 重复，只能出现一次", name)


def _printable(name: str) -> str:
    return (
        name[:_MAX_NAME_LENGTH].encode("unicode_escape").decode()
        if not name.isprintable()
        else name[:_MAX_NAME_LENGTH] or '""'
    )
