"""The public answers that residents get where nobody wrote one, in English and Chinese."""

from typing import Final

from paidan_dispatch.cases.bilingual import Bilingual

CLOSED: Final = Bilingual(
    "The problem was handled, and the work was inspected.", "反映的问题已处置，并经核查结案。"
).joined()
BUILT: Final = Bilingual("What was wished for is built.", "所提建设需求已建成。").joined()
SETTLED: Final = Bilingual("The problem was settled on the spot.", "反映的问题已现场处置。").joined()
NOT_ACCEPTED: Final = Bilingual(
    "The problem was not found when it was verified; the report is not accepted.",
    "经核实未发现所反映的问题，不予受理。",
).joined()
VOIDED: Final = Bilingual(
    "The report was ended without handling; for questions ask where you sent it.",
    "该上报已终止办理，如有疑问请向受理渠道咨询。",
).joined()


def planned(date: str) -> str:
    """Return what residents are told whose wish is to be built by this date."""
    return Bilingual(
        f"What you wish for does not exist yet: it is in the construction plan, to be built by {date}.",
        f"您所反映的设施尚未建设，已列入建设计划，计划于 {date} 前建成。",
    ).joined()
