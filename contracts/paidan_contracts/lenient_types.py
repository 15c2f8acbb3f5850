"""Field types of actions and answers, which read what other systems write: blanks, numbers for text, any spelling.

The published schema states the plain type. What is absent, null or blank is the field's default; where a field has
none, it is named as missing.
"""

from datetime import datetime
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WrapValidator

from paidan_contracts import lenient
from paidan_contracts.wire import (
    CaseId,
    Code,
    Id,
    Latitude,
    Longitude,
    PhotoRef,
    Reason,
    SenderRef,
    Slug,
    Text,
    Timestamp,
)

FreeText: TypeAlias = Annotated[Text, BeforeValidator(lenient.text_or_empty)]
OptionalText: TypeAlias = Annotated[Text | None, BeforeValidator(lenient.optional_text)]
RequiredText: TypeAlias = Annotated[Text, Field(min_length=1), BeforeValidator(lenient.required_text)]
RequiredReason: TypeAlias = Annotated[Reason, BeforeValidator(lenient.required_text)]
OptionalRef: TypeAlias = Annotated[SenderRef | None, BeforeValidator(lenient.optional_text)]
RequiredRef: TypeAlias = Annotated[SenderRef, BeforeValidator(lenient.required_text)]
RequiredCaseId: TypeAlias = Annotated[CaseId, BeforeValidator(lenient.required_name)]
RequiredCode: TypeAlias = Annotated[Code, BeforeValidator(lenient.required_name)]
RequiredSlug: TypeAlias = Annotated[Slug, BeforeValidator(lenient.required_name)]
OptionalCode: TypeAlias = Annotated[Code | None, BeforeValidator(lenient.optional_name)]
OptionalSlug: TypeAlias = Annotated[Slug | None, BeforeValidator(lenient.optional_name)]
OptionalId: TypeAlias = Annotated[Id | None, BeforeValidator(lenient.optional_word)]
RequiredWord: Final = BeforeValidator(lenient.required_word)
OptionalWord: Final = BeforeValidator(lenient.optional_word)
FlagOrTrue: TypeAlias = Annotated[bool, BeforeValidator(lenient.true_if_blank)]
OptionalLatitude: TypeAlias = Annotated[Latitude | None, BeforeValidator(lenient.none_if_blank)]
OptionalLongitude: TypeAlias = Annotated[Longitude | None, BeforeValidator(lenient.none_if_blank)]
PhotoRefs: TypeAlias = Annotated[tuple[PhotoRef, ...], Field(max_length=20), BeforeValidator(lenient.listed_once)]
OptionalTimestamp: TypeAlias = Annotated[Timestamp | None, WrapValidator(lenient.read_time)]
StatedTime: TypeAlias = Annotated[
    datetime | None, WrapValidator(lenient.read_time), AfterValidator(lenient.within_calendars)
]
"""A time by the sender's account; without a zone it is the city's."""
RequiredTime: TypeAlias = Annotated[
    datetime, WrapValidator(lenient.read_required_time), AfterValidator(lenient.within_calendars)
]
"""The same, where it may not be absent."""
