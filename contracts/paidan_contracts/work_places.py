"""Where work was done, if whoever did it told: as an event keeps it, and the pair of coordinates that states it."""

from typing import Any, Final, TypeVar

from pydantic import BaseModel, Field, ValidationError

from paidan_contracts.wire import Latitude, Longitude, WireModel

ModelT = TypeVar("ModelT", bound=BaseModel)
COORDINATES: Final = ("latitude", "longitude")


class WorkPlace(WireModel):
    """Where work was done. None: that was not told."""

    latitude: Latitude | None = Field(default=None, description="Where the work was done: WGS-84, degrees.")
    longitude: Longitude | None = Field(default=None, description="Where the work was done: WGS-84, degrees.")


def require_coordinate_pair(model: ModelT) -> ModelT:
    """Return a model that has both coordinates or none; raise that the other one is missing."""
    fields: dict[str, Any] = model.__dict__
    absent = [name for name in COORDINATES if fields[name] is None]
    if len(absent) == 1:
        errors = [{"type": "missing", "loc": (absent[0],), "input": None}]
        raise ValidationError.from_exception_data(type(model).__name__, errors)  # type: ignore[arg-type] # a dict is one
    return model
