"""The wording of refusals of proof photos, in English and in Chinese. Each is named by its place in the answer."""

from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.guards import ActorRole
from paidan_dispatch.cases.refusals import build_refusal


def photo_used(state: CaseState, number: int, role: ActorRole) -> Refusal:
    """Return the refusal of a photo, by its place in the answer, that has proved something in another case."""
    text = Bilingual(
        f"Photo {number} of your answer counts in another case already: take a new one.",
        f"所提交的第 {number} 张照片已用于另一案件，请重新拍摄。",
    )
    return build_refusal(state, "photo_used", text, "action.proof", role=role)


def photos_of_earlier_rounds(state: CaseState, role: ActorRole) -> Refusal:
    """Return the refusal of a finish whose photos have all proved the case's work before it was to be done again."""
    text = Bilingual(
        "Every photo of your answer proved this case's work in an earlier round, before it was to be done again:"
        " take at least one new photo of the work as it is now.",
        "所提交的照片在前一轮处置中均已作为本案的证明，之后要求返工或重办：请至少补拍一张反映当前处置情况的新照片。",
    )
    return build_refusal(state, "photo_used", text, "action.proof", role=role)


def photos_of_before(state: CaseState, role: ActorRole) -> Refusal:
    """Return the refusal to settle a case by photos that have all proved something before, such as what was found."""
    text = Bilingual(
        "Every photo of your answer has proved something in this case before: take at least one of afterwards.",
        "所提交的照片均已在本案中作过证明：请至少补拍一张处置后的照片。",
    )
    return build_refusal(state, "photo_used", text, "action.proof", role=role)


def not_yours(state: CaseState, number: int, since: str | None, role: ActorRole) -> Refusal:
    """Return the refusal of a photo that its sender did not store for the case since this local time; None: it came
    with a report, and shows what the work found.
    """
    text = Bilingual(
        f"Photo {number} of your answer came with a report of this case: take a new one.",
        f"所提交的第 {number} 张照片是本案上报时的照片，请重新拍摄。",
    )
    if since is not None:
        text = Bilingual(
            f"Photo {number} of your answer was not stored by you for this case since {since}: send it to"
            f" POST /v1/photos?case_id={state.case_id} first, then name it under a new id of yours.",
            f"所提交的第 {number} 张照片，贵方自 {since} 起没有为本案上传过：请先通过"
            f" POST /v1/photos?case_id={state.case_id} 上传，再以新的编号提交。",
        )
    return build_refusal(state, "unknown_photo", text, "action.proof", role=role)
