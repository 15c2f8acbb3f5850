"""备注: notes on a case, which change nothing in it; those for its departments stand in its state, too."""

from typing import Final

from paidan_contracts.case_records import CaseNote
from paidan_contracts.record_actions import AddNote
from paidan_contracts.record_events import CaseNoteAdded
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.case_state import ActResult, Provenance, event_fields, next_state

NOTES_KEPT: Final = 5
"""So many of the newest notes for departments stand in the state; every note is a step of the history."""
NOTE_LENGTH: Final = 500

_new_note: Final = unvalidated_constructor(CaseNote)
_new_note_added: Final = unvalidated_constructor(CaseNoteAdded)


def add_note(state: CaseState, action: AddNote, provenance: Provenance) -> ActResult:
    """备注: record words on the case; its departments read them where they are meant for them."""
    visible_to, notes = action.visible_to or "internal", state.notes
    if visible_to == "department":
        note = _new_note(text=action.text[:NOTE_LENGTH], recorded_at=provenance.recorded_at)
        notes = (*(notes or ()), note)[-NOTES_KEPT:]
    after = next_state(state, provenance, notes=notes)
    return [_new_note_added(**event_fields(after, provenance), text=action.text, visible_to=visible_to)]
