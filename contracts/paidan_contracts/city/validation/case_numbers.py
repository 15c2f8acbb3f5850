"""Validates the pattern of case numbers: no two cases may have one number."""

from collections.abc import Iterator

from paidan_contracts.city.diagnostics import Violation
from paidan_contracts.city.pack import Pack


def check_numbering(pack: Pack) -> Iterator[Violation]:
    """Yield what lets numbers repeat: serials begin anew each day, and are counted in each area by themselves."""
    pattern = pack.numbers.pattern if pack.numbers is not None else None
    if pattern is None:
        return
    if "{yyyyMMdd}" not in pattern:
        yield Violation(
            ("numbers", "pattern"),
            "has no {yyyyMMdd}, and serials begin anew each day",
            "缺少 {yyyyMMdd}，而流水号每天重新开始",
        )
    if pack.area_level == "district" and "{district}" not in pattern:
        yield Violation(
            ("numbers", "pattern"),
            "has no {district}, and serials are counted in each district by themselves",
            "缺少 {district}，而流水号按区县分别计数",
        )
