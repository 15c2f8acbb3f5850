"""A case's history in sentences: what happened, who did it, and how long the step took. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from paidan_cockpit.pages.case_map import metres_between
from paidan_cockpit.pages.corrections import corrections_in_words
from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames
from paidan_contracts import cases
from paidan_contracts.bilingual_texts import in_language
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.city.geography import Point
from paidan_contracts.construction_events import CaseConstructionPlanned
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.places import WorkPlace
from paidan_contracts.record_events import CaseNoteAdded
from paidan_contracts.settlement_events import CaseSettled
from paidan_contracts.time_limit_events import CaseRequestMade, CaseRequestReviewed
from paidan_contracts.unit_events import CaseUnitAnswered
from paidan_contracts.verification_events import CaseVerificationAnswered

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "case.opened.v1 dispatched": N_(
            "A report from {source} opened the case, and it was dispatched to {department} at once."
        ),
        "case.opened.v1": N_("A report from {source} opened the case."),
        "case.merged.v1 near": N_("Another report of the same problem joined, {metres} m away."),
        "case.merged.v1": N_("Another report of the same problem joined."),
        "case.filed.v1": N_("Filed under {row}."),
        "case.dispatched.v1": N_("Dispatched to {department}."),
        "case.held.v1": N_("Nobody is responsible by rule: it waits for a dispatcher."),
        "case.voided.v1": N_("Voided."),
        "case.not_accepted.v1": N_("Not accepted."),
        "case.amended.v1": N_("Corrected from a later export."),
        "case.accepted.v1": N_("{department} accepted it."),
        "case.returned.v1": N_("{department} returned it: {reason}."),
        "case.finished.v1": N_("{department} finished it."),
        "case.finished.v1 late": N_("{department} finished it, late."),
        "case.reworked.v1": N_("The inspection failed: {department} does it again."),
        "case.closed.v1": N_("The inspection passed: closed."),
        "case.called_back.v1": N_("The reporter was called back: {rating}."),
        "case.reopened.v1": N_("Reopened: {department} works on it again."),
        "case.helper_answered.v1 accepted": N_("{department}, which helps, accepted its order."),
        "case.helper_answered.v1 returned": N_("{department}, which helps, returned its order: {reason}."),
        "case.helper_answered.v1 finished": N_("{department}, which helps, finished its part."),
        "case.corrected.v1": N_("Corrected. {corrections}"),
        "case.note_added.v1": N_("A note for the staff."),
        "case.note_added.v1 department": N_("A note for the department."),
        "case.handed_on.v1": N_("{department} handed it on to {unit}."),
        "case.unit_answered.v1 accepted": N_("{unit}, to which it was handed on, accepted it."),
        "case.unit_answered.v1 returned": N_("{unit}, to which it was handed on, handed it back: {reason}."),
        "case.unit_answered.v1 finished": N_("{unit}, to which it was handed on, finished it: to be confirmed."),
        "case.unit_reworked.v1": N_("{department} did not confirm the work: {unit} goes on."),
        "case.urged.v1": N_("{department} was reminded."),
        "case.overdue.v1": N_("{department} passed the time limit to {clock}."),
        "case.clock_overdue.v1": N_("The time limit to {clock} passed."),
        "case.clock_warned.v1": N_("The time limit to {clock} will pass soon."),
        "case.request_made.v1 extension": N_("{department} asked for an extension."),
        "case.request_made.v1 suspension": N_("{department} asked to suspend it until {day}."),
        "case.request_made.v1 appeal": N_("{department} appealed against its being overdue."),
        "case.request_reviewed.v1 approved": N_("The request was approved: {request}."),
        "case.request_reviewed.v1 passed_on": N_("The request was approved, and the next one decides: {request}."),
        "case.request_reviewed.v1 rejected": N_("The request was rejected: {request}."),
        "case.extended.v1": N_("The time limit was extended: it ends on {day}."),
        "case.suspended.v1": N_("Suspended until {day}: its clock stands."),
        "case.resumed.v1": N_("{department} goes on with the work."),
        "case.exempted.v1": N_("Its being overdue is not counted."),
        "case.limit_set.v1": N_("The time limit was set by hand: it ends on {day}."),
        "case.reclocked.v1": N_("An emergency or event shortened the time limit: it ends on {day}."),
        "case.reclocked.v1 accept": N_("An emergency or event shortened the limit for accepting: it ends on {day}."),
        "case.reclocked.v1 accept restored": N_(
            "The emergency or event is over: the limit for accepting ends on {day} again."
        ),
        "case.reclocked.v1 restored": N_("The emergency or event is over: the time limit ends on {day} again."),
        "case.step_planned.v1": N_("Step {step} was added to the plan, to be done by {day}."),
        "case.step_finished.v1": N_("{department} finished step {step} of the plan."),
        "case.verification_assigned.v1": N_("{post} is to verify it by {day}."),
        "case.verification_answered.v1 true": N_("It was verified on site: the problem exists."),
        "case.verification_answered.v1 not_true": N_("It was verified on site: there is no such problem."),
        "case.verification_answered.v1 cannot_tell": N_("On site it could not be told whether the problem exists."),
        "case.construction_planned.v1": N_("Put into the construction plan: to be built by {day}."),
        "case.construction_planned.v1 again": N_("Planned anew: to be built by {day}."),
        "case.struck_off.v1": N_("It is built: struck off the construction plan, and closed."),
        "case.settled.v1": N_("A patrol settled it on the spot: closed."),
        "case.settled.v1 inspecting": N_("A patrol settled it on the spot: to be inspected."),
        "case.escalated.v1": N_("Escalated to: {levels}."),
        "case.escalation_ended.v1": N_("No longer escalated to: {levels}."),
    }
)
"""By event type, and by what of it another sentence is for."""
NEWER: Final = N_("A step that this cockpit does not know yet.")
BY_RULE: Final = N_("by rule")
SEPARATOR: Final = N_(", ")
DONE_NEAR: Final = N_("Done {metres} m from the place reported.")
DONE_SOMEWHERE: Final = N_("Where it was done is known, the place reported is not.")


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One step. ``where`` is "" if that is not known; ``took``: since the step before, None of the first."""

    version: int
    at: datetime
    sentence: str
    where: str
    text: str
    actor: str
    photos: tuple[str, ...]
    took: timedelta | None


@dataclass(frozen=True, slots=True)
class TimelineBuilder:
    """Writes sentences in one language."""

    translate: Translate
    names: CityNames

    def timeline(self, events: Sequence[CaseEvent]) -> Iterator[TimelineEntry]:
        """Yield a case's steps, oldest first."""
        previous: datetime | None = None
        for event in events:
            yield TimelineEntry(
                version=event.version,
                at=event.recorded_at,
                sentence=self.sentence(event),
                where=self.where(event),
                text=self._words(event),
                actor=self._actor(event),
                photos=tuple(getattr(event, "proof", ())),
                took=event.recorded_at - previous if previous else None,
            )
            previous = event.recorded_at

    def sentence(self, event: CaseEvent) -> str:
        """Return what happened."""
        text = SENTENCES.get(_kind_of(event))
        return self.translate(text or NEWER).format(**self._facts(event))

    def where(self, event: CaseEvent) -> str:
        """Return how far from the case's place a step was done; "" where that is not known."""
        at = place_of_work(event)
        if at is None:
            return ""
        place = event.state.place
        if place.latitude is None or place.longitude is None:
            return self.translate(DONE_SOMEWHERE)
        metres = metres_between((place.longitude, place.latitude), at)
        return self.translate(DONE_NEAR).format(metres=f"{metres:.0f}")

    def _facts(self, event: CaseEvent) -> Mapping[str, str]:
        translate, names = self.translate, self.names
        dispatch = getattr(event, "dispatched", None)
        return {
            "department": names.department(getattr(dispatch or event, "department", None)),
            "unit": names.department(getattr(event, "unit", None)),
            "source": names.source(event.state.source),
            "clock": label(translate, "clock", str(getattr(event, "clock", ""))),
            "rating": label(translate, "rating", getattr(event, "rating", "")),
            "reason": label(translate, "return_code", str(getattr(event, "code", ""))),
            "request": label(translate, "request", str(getattr(event, "request", ""))),
            "row": names.catalogue_row(getattr(event, "row_id", None)) or "?",
            "corrections": corrections_in_words(event, translate, names),
            "day": self._moment(getattr(event, "resume_at", None) or getattr(event, "due_at", None)),
            "post": self._post(getattr(event, "post", None)),
            "step": str(getattr(event, "step", "")),
            "levels": translate(SEPARATOR).join(names.level(each) for each in getattr(event, "levels", ())),
            "metres": f"{getattr(event, 'metres', None) or 0:.0f}",
        }

    def _moment(self, at: datetime | None) -> str:
        zone = self.names.city.zone if self.names.city else UTC
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if at is not None else ""

    def _words(self, event: CaseEvent) -> str:
        """Return what was written with a step; of a reason that rules give, which is in two languages, the reader's."""
        text = _text_of(event)
        if isinstance(event, cases.CaseHeld | CaseReclocked):
            return in_language(text, self.names.language)
        return self.names.step_of_ladder(text) if event.actor is None else text

    def _actor(self, event: CaseEvent) -> str:
        actor = event.actor
        if actor is None:
            return self.translate(BY_RULE)
        names = {"department": self.names.department, "source": self.names.source}
        who = names[actor.kind](actor.id) if actor.kind in names else label(self.translate, "actor", actor.kind)
        post = self._post(actor.post)
        return f"{who} · {post}" if post and post != who else who

    def _post(self, post: str | None) -> str:
        """Return the post of a person who signed in: the pack's name of it, or that which every installation has."""
        return self.names.post(post) or label(self.translate, "post", post)


def place_of_work(event: CaseEvent) -> Point | None:
    """Return where a step was done; None where that is not known."""
    if not isinstance(event, WorkPlace) or event.latitude is None or event.longitude is None:
        return None
    return event.longitude, event.latitude


def _type_of(event: CaseEvent) -> str:
    return str(getattr(event, "type", ""))


def _kind_of(event: CaseEvent) -> str:
    """Return the event's type, with what of it another sentence is for."""
    detail = ""
    match event:
        case cases.CaseOpened() if event.dispatched is not None:
            detail = "dispatched"
        case cases.CaseMerged() if event.metres is not None:
            detail = "near"
        case cases.CaseFinished() if event.late:
            detail = "late"
        case CaseConstructionPlanned() if event.due_before is not None:
            detail = "again"
        case CaseSettled() if event.state.status == "inspecting":
            detail = "inspecting"
        case CaseNoteAdded(visible_to="department"):
            detail = "department"
        case CaseReclocked():
            detail = " ".join(["accept"] * (event.clock == "accept") + ["restored"] * event.restored)
        case (
            cases.CaseHelperAnswered(answer=kind)
            | CaseUnitAnswered(answer=kind)
            | CaseVerificationAnswered(answer=kind)
        ):
            detail = kind
        case CaseRequestMade(request=kind) | CaseRequestReviewed(outcome=kind):
            detail = kind
        case _:
            pass
    return f"{_type_of(event)} {detail}".rstrip()


def _text_of(event: CaseEvent) -> str:
    text = getattr(event, "text", "") or getattr(event, "reason", "")
    if isinstance(event, cases.CaseMerged) and event.report is not None:
        text = event.report.text
    return str(text)
