"""Which row of the catalogue a case is filed against (立案): the row's limit and closing condition follow from it."""

from dataclasses import dataclass
from typing import TypeAlias

from paidan_contracts.city.catalogue import CatalogueRow
from paidan_contracts.state import RuleRef
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.policy import CityPolicy


@dataclass(frozen=True, slots=True)
class Filed:
    """The row, and who chose it."""

    row: CatalogueRow
    filed_by: RuleRef


@dataclass(frozen=True, slots=True)
class Unfiled:
    """There is no row to file it against; a person must choose one."""

    reason: Bilingual


Filing: TypeAlias = Filed | Unfiled


def select_row(class_code: str | None, row_id: str | None, policy: CityPolicy) -> Filing:
    """File by the row that the report names, where its class has it, else by the class's default row.

    A report is never turned away for its class: what cannot be filed waits for somebody who can tell what it is.
    """
    if class_code is None:
        return Unfiled(Bilingual("Nobody knows what class it is of.", "类别不明。"))
    reported_row = policy.city.rows.get(row_id) if row_id else None
    if reported_row is not None and reported_row.class_code == class_code:
        return Filed(reported_row, policy.rule_ref("by_report"))
    row = policy.city.default_rows.get(class_code)
    if row is None:
        return Unfiled(
            Bilingual(f"The catalogue has no row for class {class_code}.", f"立案标准中没有类别 {class_code}。")
        )
    return Filed(row, policy.rule_ref("default_row"))
