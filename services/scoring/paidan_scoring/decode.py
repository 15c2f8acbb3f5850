"""Decodes records of ``paidan.cases``, which anybody may have written."""

from operator import attrgetter
from typing import Final

from paidan_chassis.consumer.keyed_records import EventDecoder
from paidan_scoring.case_events import ScoringCaseEvent

decode_step: Final = EventDecoder(ScoringCaseEvent, key_of=attrgetter("case_id"))
