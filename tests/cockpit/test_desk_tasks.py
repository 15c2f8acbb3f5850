"""A desk tells apart what still needs something of the department, and what only waits for others."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from paidan_cockpit.pages.action_forms import ActionForm
from paidan_cockpit.pages.case_page import CaseOffer
from paidan_cockpit.pages.desks import DESKS, task_of, tasked_post
from paidan_cockpit.rights import Person
from paidan_contracts.city.loader import load_city
from paidan_contracts.orders import Order
from paidan_contracts.places import Place
from tests.cockpit.test_queue_tables import case
from tests.contracts.city_packs import QUANCHENG, TINY

NOW: Final = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
FINISH: Final = ActionForm("finish", "Finish", True, "", ())


@pytest.mark.parametrize(
    ("role", "status", "is_done"),
    [("helper", "inspecting", True), ("helper", "handling", False), ("lead", "handling", False)],
)
def test_a_part_that_is_done_offers_nothing_and_is_told_apart(role: str, status: str, is_done: bool) -> None:
    order = Order(
        order_id=str(UUID(int=1)), case_id=f"tiny-{1:032x}", version=1, department="streets", role=role, place=Place(),
        dispatched_at=NOW, rule="r",
    )  # fmt: skip

    task = task_of(DESKS[0], case(status="handling"), CaseOffer([FINISH], order, status))

    assert (task.is_done, [each.kind for each in task.forms]) == (is_done, [] if is_done else ["finish"])


@pytest.mark.parametrize(
    ("pack", "post", "tasked"),
    [(QUANCHENG, "inspector-minghu", "inspector-minghu"), (QUANCHENG, "inspector", "inspector"), (TINY, "patrol", None),
     (QUANCHENG, "of-no-pack", None)],
)  # fmt: skip
def test_a_patrol_sees_the_tasks_of_its_post_and_all_where_the_pack_gives_none(
    pack: Path, post: str, tasked: str | None
) -> None:
    patrol = Person("1", "王敏", pack.name, post, frozenset({"role:inspector"}))

    assert tasked_post(patrol, load_city(pack)) == tasked
