"""Keeps the newest scores of whole cities, from the log of scores, inside the batch's transaction."""

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, ConfigDict

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.consumer.keyed_records import dead_letter_reason
from paidan_chassis.kafka.cloudevents import DecodeError, decode
from paidan_cockpit import score_queries
from paidan_cockpit.score_queries import CityScore
from paidan_contracts.scores import Dimension
from paidan_contracts.wire import Code, Id, NonNegativeInt, PositiveInt, ShortText, Slug

_WHOLE_CITY: Final[Dimension] = "city"


class ScorePart(BaseModel):
    """The fields of a score that the overview shows; all others are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    score_id: Id
    version: PositiveInt
    city: Slug
    period: ShortText
    by: str
    indicator: Code
    numerator: NonNegativeInt
    denominator: NonNegativeInt


_validate: Final = ScorePart.model_validate_json


async def apply(batch: Batch, scores: Iterable[Record]) -> None:
    """Store the newest of each score of a whole city; a repeat or an older one changes nothing."""
    newest: dict[str, CityScore] = {}
    for record in scores:
        await batch.pause()
        score = decode_score(record)
        if isinstance(score, DecodeError):
            batch.dead_letter(record, *dead_letter_reason(score))
        elif score is not None and (score.score_id not in newest or newest[score.score_id].version < score.version):
            newest[score.score_id] = score
    if newest:
        await score_queries.save_scores(batch.conn, list(newest.values()))
    batch.counts["scores"] += len(newest)


def decode_score(record: Record) -> CityScore | DecodeError | None:
    """Return a score of a whole city, None for one of a part, or why the record is no score under its own key."""
    event = decode(_validate, record.value)
    if isinstance(event, DecodeError):
        return event
    if record.key != event.score_id.encode():
        return DecodeError("invalid_field", "key", "not the score's")
    if event.by != _WHOLE_CITY:
        return None
    return CityScore(
        event.score_id, event.version, event.city, event.period, event.indicator, event.numerator, event.denominator
    )
