"""Which row of the catalogue a case is filed against (立案): the row's limit and closing condition follow from it."""

from dataclasses import dataclass
from typing import TypeAlias

from paidan_contracts.city.catalogue import Row
from paidan_contracts.state import RuleRef
from paidan_dispatch.cases.bilingual import Words
from paidan_dispatch.cases.policy import Bylaws


@dataclass(frozen=True, slots=True)
class Filed:
    """The row, and who chose it."""

    row: Row
    filed_by: RuleRef


@dataclass(frozen=True, slots=True)
class Unfiled:
    """There is no row to file it against; a person must choose one."""

    because: Words


Filing: TypeAlias = Filed | Unfiled


def file(class_code: str | None, row_id: str | None, bylaws: Bylaws) -> Filing:
    """File by the row that the report names, where its class has it, else by the class's default row.

    A report is never turned away for its class: what cannot be filed waits for somebody who can tell what it is.
    """
    if class_code is None:
        return Unfiled(Words("Nobody knows what class it is of.", "类别不明。"))
    named = bylaws.city.rows.get(row_id) if row_id else None
    if named is not None and named.class_code == class_code:
        return Filed(named, bylaws.receipt("by_report"))
    row = bylaws.city.row_of(class_code)
    if row is None:
        return Unfiled(Words(f"The catalogue has no row for class {class_code}.", f"立案标准中没有类别 {class_code}。"))
    return Filed(row, bylaws.receipt("default_row"))
