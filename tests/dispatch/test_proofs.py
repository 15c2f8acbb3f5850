"""Photos prove work if they were stored by who names them, for this case, under its order, and prove nothing else."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from paidan_contracts.actions import CallBack, Inspect, Redispatch
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.reports import ImportedHistory, JoinedReport
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.decide import Refused
from paidan_dispatch.cases.guards import ActionEvidence, ProofPhoto
from tests.dispatch.builders import (
    START_TIME,
    ActionContext,
    build_report,
    case_after,
    decide_action,
    imported_report,
    opened_case,
    stored_photos,
)

PHOTO, OTHER, NEW = (each * 64 + ".jpg" for each in "abc")
AT_WORK = case_after(opened_case(build_report(row_id="E0110-2", photos=[OTHER])), Accept())
SECOND = timedelta(seconds=1)


def joined_report(**fields: object) -> JoinedReport:
    report = build_report("2")
    known = {"report_id": report.report_id, "source": "app", "channel": "photo", "recorded_at": START_TIME}
    return JoinedReport.model_validate(known | fields)


def code_of(state: CaseState, photos: Sequence[ProofPhoto], *proof: str, actor: str | None = None) -> str | None:
    action = Inspect(passed=True, proof=proof) if state.status == "inspecting" else Finish(proof=proof)
    context = ActionContext(minutes=9, actor=actor, evidence=ActionEvidence(photos))
    result = decide_action(state, action, context)
    if not isinstance(result, Refused):
        return None
    assert result.refusal.field == "action.proof"
    texts = result.refusal.message, result.refusal.message_zh
    assert not any(ref in text for ref in proof for text in texts), "people see photos, not what they are stored as"
    return str(result.refusal.code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"ref": OTHER}, "unknown_photo"),
        ({"case_id": "town-" + "0" * 32}, "unknown_photo"),
        ({"holder": "department:south"}, "unknown_photo"),
        ({"holder": "inspector:ivy"}, "unknown_photo"),
        ({"stored_at": START_TIME - SECOND}, "unknown_photo"),
        ({"used_in": "town-" + "0" * 32}, "photo_used"),
        ({"used_in": AT_WORK.case_id, "used_round": 1}, None),
    ],
)
def test_work_is_proved_by_photos_of_the_department_for_this_case_since_its_order(
    change: dict[str, object], code: str | None
) -> None:
    photo = ProofPhoto(PHOTO, AT_WORK.case_id, "department:roads", START_TIME)

    assert code_of(AT_WORK, [photo._replace(**change)], PHOTO) == code  # type: ignore[arg-type]


@pytest.mark.parametrize("begun_by", [Inspect(passed=False, reason="still there"), CallBack(rating="dissatisfied")])
@pytest.mark.parametrize(
    ("used_rounds", "proof", "code"),
    [
        ({PHOTO: 1}, (PHOTO,), "photo_used"),
        ({PHOTO: 1}, (PHOTO, PHOTO), "photo_used"),
        ({PHOTO: 1, NEW: 1}, (PHOTO, NEW), "photo_used"),
        ({PHOTO: 1}, (PHOTO, NEW), None),
        ({PHOTO: 1}, (NEW, NEW), None),
        ({PHOTO: 2}, (PHOTO,), None),
    ],
)
def test_work_that_is_done_again_needs_a_photo_that_proved_nothing_before(
    begun_by: Inspect | CallBack, used_rounds: dict[str, int], proof: tuple[str, ...], code: str | None
) -> None:
    """In its second round a photo of the first proves nothing new; one that a helper named in this round may."""
    state = case_after(AT_WORK, Finish(proof=(PHOTO,)), minutes=2)
    if isinstance(begun_by, CallBack):
        state = case_after(state, Inspect(passed=True), minutes=3)
    again = case_after(state, begun_by, minutes=4)
    photos = [
        each._replace(used_in=again.case_id, used_round=used_rounds[each.ref]) if each.ref in used_rounds else each
        for each in stored_photos(again, PHOTO, NEW).photos
    ]

    assert (again.status, again.round) == ("handling", 2)
    assert code_of(again, photos, *proof) == code


def test_a_photo_that_another_department_proved_an_earlier_round_with_proves_nothing_new() -> None:
    """Whoever names it: the same bytes have the same name, and each of its holders' entries tells of the use."""
    failed = Inspect(passed=False, reason="still there")
    again = case_after(case_after(AT_WORK, Finish(proof=(PHOTO,)), minutes=2), failed, minutes=4)
    own, others = (stored_photos(again, PHOTO, holder=f"department:{each}").photos for each in ("roads", "south"))
    used = [each._replace(used_in=again.case_id, used_round=1) for each in others]

    assert code_of(again, [*own, *used], PHOTO) == "photo_used"


def test_every_photo_must_hold() -> None:
    [photo] = stored_photos(AT_WORK, PHOTO).photos

    assert code_of(AT_WORK, [photo], PHOTO, NEW) == "unknown_photo"


@pytest.mark.parametrize(("second", "why"), [(NEW, "was not stored by you"), (OTHER, "came with a report")])
def test_a_refused_photo_is_named_by_its_place_in_the_answer(second: str, why: str) -> None:
    context = ActionContext(minutes=9, evidence=stored_photos(AT_WORK, PHOTO))

    result = decide_action(AT_WORK, Finish(proof=(PHOTO, second)), context)

    assert isinstance(result, Refused)
    assert result.refusal.message.startswith(f"Photo 2 of your answer {why}")
    assert result.refusal.message_zh.startswith("所提交的第 2 张照片")
    assert code_of(AT_WORK, [], PHOTO) == "unknown_photo"


def test_a_photo_of_the_report_proves_nothing() -> None:
    joined = AT_WORK.model_copy(update={"joined": (joined_report(photos=(PHOTO,)),)})

    assert code_of(AT_WORK, list(stored_photos(AT_WORK, OTHER).photos), OTHER) == "unknown_photo"
    assert code_of(joined, list(stored_photos(joined, PHOTO).photos), PHOTO) == "unknown_photo"


def test_a_photo_under_an_earlier_order_of_the_same_department_proves_nothing() -> None:
    moved = case_after(
        case_after(AT_WORK, Redispatch(department="south", reason="x"), minutes=5),
        Redispatch(department="roads", reason="y"),
        minutes=6,
    )

    assert code_of(moved, list(stored_photos(AT_WORK, PHOTO).photos), PHOTO) == "unknown_photo"
    assert code_of(moved, list(stored_photos(moved, PHOTO).photos), PHOTO) is None


def test_an_inspection_is_proved_by_the_inspectors_own_photos() -> None:
    done = case_after(AT_WORK, Finish(proof=(PHOTO,)), minutes=8)

    assert code_of(done, list(stored_photos(done, PHOTO, holder="inspector:ivy").photos), PHOTO) is None
    for holder in ("department:roads", "inspector:other"):
        assert code_of(done, list(stored_photos(done, PHOTO, holder=holder).photos), PHOTO) == "unknown_photo"


def test_orders_of_release_0_1_and_imported_pasts_are_not_judged() -> None:
    """Release 0.1 recorded no photo; an imported record's proofs were judged where it came from."""
    old = AT_WORK.assignments[0].model_copy(update={"proofs_checked": False})
    past = case_after(opened_case(imported_report(past=ImportedHistory(owner="water"))), Accept(), actor="importer:x")

    assert code_of(AT_WORK.model_copy(update={"assignments": (old,)}), [], PHOTO) is None
    assert code_of(past, [], PHOTO, actor="importer:x") is None
