"""Why a page is not shown, or a form not taken: a text for each reason that ``PageRefused`` names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from paidan_cockpit.pages.labels import Translate
from paidan_cockpit.pages.marked_texts import N_

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "stale_form": N_("The form is from an earlier session. Go back, reload the page and send it again."),
        "other_site": N_("The form was sent by another site."),
        "unstorable": N_(
            "The address or the form holds a character that cannot be read. Check what you typed or pasted."
        ),
        "no_such_method": N_("This address only takes a form that was sent. Go back and send it again."),
        "too_many_cases": N_("More than 50 cases were chosen, so nothing was done. Go back and choose fewer."),
        "unreadable_form": N_("The form could not be read."),
        "too_many_photos": N_("These are too many photos: a form takes 9 at most. Go back and choose fewer."),
        "too_large": N_("The form is too large: with its photos it may have 60 MB at most. Go back and choose fewer."),
        "too_many_streams": N_("Too many overviews are open under your name. Close some of them."),
        "no_page": N_("Your post has no page here yet."),
        "no_city": N_("No city's pack has been published yet."),
        "too_many_tries": N_("Too many tries from your network. Wait a minute and try again."),
        "sign_in_broke": N_(
            "Signing in at your organisation did not come to an end. Start again from the sign-in page."
        ),
        "no_answer_provider": N_("Your organisation's sign-in does not answer. Try again in a moment."),
        "no_database": N_("The database does not answer. Nothing is lost; reload the page in a moment."),
        "no_answer_cockpit": N_("The cockpit does not answer itself. Nothing is lost; reload the page in a moment."),
        "internal": N_(
            "A fault of ours, which is in our log. Nothing stored is lost. Try again; if it stays so, tell this number"
            " to the people who run the system."
        ),
        "no_answer_intake": N_("Intake does not answer. Nothing is lost; reload the page in a moment."),
        "no_answer_dispatch": N_("Dispatch does not answer. Nothing is lost; reload the page in a moment."),
        "no_answer_scoring": N_("Scoring does not answer. Nothing is lost; reload the page in a moment."),
    }
)


def refusal_text(translate: Translate, reason: str) -> str:
    """Return the text of a reason; empty for one that has none."""
    return translate(REASONS[reason]) if reason in REASONS else ""
