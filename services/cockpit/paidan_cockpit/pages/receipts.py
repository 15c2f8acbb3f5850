"""Why a case is where it is: each decision's rule, in a sentence. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from paidan_cockpit.pages.case_record import ShownReceipt
from paidan_cockpit.pages.labels import Translate
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames

SENTENCES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("verified", "source"): N_("Verified first because its source is not trusted."),
        ("verified", "screening"): N_("Verified first because the alarm was not certain."),
        ("verified", ""): N_("Verified first because of the city's rule “{rule}”."),
        ("filed", "default_row"): N_("Filed under its row because that is the default row of its class."),
        ("filed", "by_report"): N_("Filed under its row because the report stated that row."),
        ("filed", "by_hand"): N_("Filed under its row by a person."),
        ("filed", "by_record"): N_("Filed under its row by the imported record."),
        ("placed", "by_hand"): N_("A person chose {department}."),
        ("placed", "by_record"): N_("The imported record names {department}."),
        ("placed", ""): N_("Dispatched to {department} because of the city's rule “{rule}”."),
        ("placed", "unnamed"): N_("Dispatched to {department} because of one of the city's rules."),
        ("helped", "by_hand"): N_("A person chose {department} to help."),
        ("helped", ""): N_("{department} helps because of the city's rule “{rule}”."),
        ("helped", "unnamed"): N_("{department} helps because of one of the city's rules."),
        ("rated", "worst"): N_("Of the ratings of several reporters the worst is the case's."),
        ("rated", "last"): N_("Of the ratings of several reporters the last one is the case's."),
        ("rated", "opener"): N_("The rating of the reporter who opened the case is the case's."),
        ("", ""): N_("Decided by the city's rule “{rule}”."),
        ("", "unnamed"): N_("Decided by one of the city's rules."),
    }
)
"""By decision and rule; an empty rule stands for any rule that has a name."""


def receipt_sentence(receipt: ShownReceipt, translate: Translate, names: CityNames) -> str:
    """Return the sentence of a receipt; ``names`` are those of the pack that the decision was made by."""
    rule = rule_name(receipt.rule, names)
    any_rule = "" if rule else "unnamed"
    keys = ((receipt.decision, receipt.rule), (receipt.decision, any_rule), ("", any_rule))
    text = next(SENTENCES[key] for key in keys if key in SENTENCES)
    department = names.department(receipt.department)
    return translate(text).format(department=department, rule=rule)


def rule_name(rule: str, names: CityNames) -> str:
    """Return the own name of a rule of routing or trust; empty where the pack has none."""
    pack = names.city.pack if names.city else None
    trust = pack.verification.trust if pack is not None and pack.verification is not None else ()
    routed = {each.id: each.names for each in pack.routing} if pack is not None else {}
    rule_names = ({each.id: each.names for each in trust} | routed).get(rule)
    return names.of(rule_names) if rule_names else ""
