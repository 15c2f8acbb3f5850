"""Decodes records of the logs, which anybody may have written."""

from operator import attrgetter
from typing import Final

from paidan_chassis.consumer.keyed_records import EventDecoder
from paidan_cockpit.case_events import CockpitCaseEvent
from paidan_contracts.checks import CONSERVATION, ConservationChecked

MERGER: Final = ("ce_type", b"case.merged.v1")
"""The header of a merger, which alone tells of its report: a case's later steps do not stand in for it."""

decode_step: Final = EventDecoder(CockpitCaseEvent, key_of=attrgetter("case_id"))
decode_check: Final = EventDecoder(ConservationChecked, key_of=lambda _: CONSERVATION)
