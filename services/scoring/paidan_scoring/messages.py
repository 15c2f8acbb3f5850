"""Scoring's events as Kafka messages: topic, key, CloudEvents headers, body."""

from typing import Final

from paidan_chassis.kafka.cloudevents import encode_headers, source_of
from paidan_chassis.kafka.message import Message
from paidan_contracts.ids import cause_id
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.topics import SCORES

SOURCE: Final = source_of("scoring")


def score_message(score: ScoreUpdated) -> Message:
    """Return the message of a score; a repeat has the same id."""
    id_, score_id = str(cause_id("score version", score.score_id, score.version)), score.score_id
    headers = encode_headers(id_, SOURCE, score.type, score.computed_at, score_id, score_id)
    # Not encode_body, which leaves out None: a null value means a zero denominator.
    return Message(SCORES.name, score_id, score.model_dump_json().encode(), headers)
