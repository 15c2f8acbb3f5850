"""Who answers for a case's class or area stands on it with the rule that says so, and it is found by them."""

from paidan_contracts.actions import File
from paidan_dispatch.api.case_query import CaseQuery
from paidan_dispatch.inbox.case_rows import answers_of
from tests.dispatch.builders import build_report, case_after, opened_case
from tests.dispatch.sample_pack import pack_document, policy_of

NAMES = {"zh": "牵头", "en": "Lead"}
POLICY = policy_of(
    pack_document()
    | {
        "posts": [{"id": "mayor", "names": NAMES, "duty": "supervisor"}],
        "answerable": [
            {"id": "heaps", "names": NAMES, "classes": ["E0110"], "leader": "mayor", "office": "roads"},
            {"id": "west", "names": NAMES, "places": ["1"], "unit": "north"},
        ],
    }
)


def test_case_names_who_answers_for_its_class_and_again_when_it_is_filed_otherwise() -> None:
    state = opened_case(policy=POLICY)

    assert state.answerable is not None
    assert (state.answerable.leader, state.answerable.office, state.answerable.unit) == ("mayor", "roads", None)
    assert (state.answerable.named_by.rule, state.answerable.named_by.city_version) == ("heaps", POLICY.version)
    refiled = case_after(state, File(row_id="E0111-1"), policy=POLICY).answerable
    assert refiled is not None
    assert (refiled.named_by.rule, refiled.unit) == ("west", "north")


def test_case_that_no_rule_covers_and_a_city_without_any_name_nobody() -> None:
    beyond = build_report(class_code="E0111", place={"district": "2"})

    assert opened_case(beyond, policy=POLICY).answerable is None
    assert opened_case().answerable is None


def test_row_says_who_answers_by_kind_and_lists_ask_for_each() -> None:
    state = opened_case(policy=POLICY)
    assert state.answerable is not None

    assert answers_of(state) == " leader=mayor office=roads "
    assert answers_of(opened_case()) is None
    assert CaseQuery(leader="mayor", unit="north").to_filter(None).answered_by == ["leader=mayor", "unit=north"]
