"""The public answers that residents get where nobody wrote one, in English and Chinese."""

from typing import Final

from paidan_dispatch.cases.bilingual import Bilingual

CLOSED: Final = Bilingual(
    "The problem was handled, and the work was inspected.", "反映的问题已处置，并经核查结案。"
).joined()
NOT_ACCEPTED: Final = Bilingual(
    "The problem was not found when it was verified; the report is not accepted.",
    "经核实未发现所反映的问题，不予受理。",
).joined()
VOIDED: Final = Bilingual(
    "The report was ended without handling; for questions ask where you sent it.",
    "该上报已终止办理，如有疑问请向受理渠道咨询。",
).joined()
