"""Why a page is not shown, or a form not taken: a text for each reason that ``PageRefused`` names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from paidan_cockpit.pages.labels import Translate


def _(message: str) -> str:
    """Mark a text for the catalogue; it is translated when a page is rendered."""
    return message


REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "stale_form": _("The form is from an earlier session. Go back, reload the page and send it again."),
        "other_site": _("The form was sent by another site."),
        "unreadable_form": _("The form could not be read."),
        "too_many_photos": _("These are too many photos: a form takes 9 at most. Go back and choose fewer."),
        "too_large": _("The form is too large: with its photos it may have 60 MB at most. Go back and choose fewer."),
        "no_page": _("Your post has no page here yet."),
        "no_city": _("No city's pack has been published yet."),
        "too_many_tries": _("Too many tries from your network. Wait a minute and try again."),
        "sign_in_broke": _(
            "Signing in at your organisation did not come to an end. Start again from the sign-in page."
        ),
        "no_answer_provider": _("Your organisation's sign-in does not answer. Try again in a moment."),
        "no_database": _("The database does not answer. Nothing is lost; reload the page in a moment."),
        "no_answer_intake": _("Intake does not answer. Nothing is lost; reload the page in a moment."),
        "no_answer_dispatch": _("Dispatch does not answer. Nothing is lost; reload the page in a moment."),
        "no_answer_scoring": _("Scoring does not answer. Nothing is lost; reload the page in a moment."),
    }
)


def refusal_text(translate: Translate, reason: str) -> str:
    """Return the text of a reason; empty for one that has none."""
    return translate(REASONS[reason]) if reason in REASONS else ""
