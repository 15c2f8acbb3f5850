"""A case shows the work grid of its place, with its posts, and is found by it."""

from paidan_contracts.city import City
from paidan_contracts.places import Place
from paidan_dispatch.api.work_grids import lies_in_grid, work_grid_of
from tests.dispatch.builders import opened_case
from tests.dispatch.sample_pack import pack_document, policy_of


def _city() -> City:
    document = pack_document()
    names = {"zh": "网格", "en": "Grid"}
    document["geography"]["places"] += [
        {"code": "11", "level": "street", "within": "1", "names": names},
        {"code": "12", "level": "street", "within": "1", "names": names},
    ]
    document["posts"] = [{"id": "steward", "names": names, "duty": "steward"}]
    document["geography"]["work_grids"] = [
        {"id": "west", "names": names, "places": ["11"], "posts": ["steward", "gone"]},
        {"id": "east", "names": names, "places": ["12"]},
    ]
    return policy_of(document).city


CITY = _city()


def test_case_shows_its_work_grid_with_the_posts_that_the_pack_still_has() -> None:
    state = opened_case().model_copy(update={"place": Place(district="1", street="11")})

    grid = work_grid_of(state, CITY)

    assert grid is not None
    assert (grid.id, [(each.id, each.duty) for each in grid.posts]) == ("west", [("steward", "steward")])
    assert work_grid_of(state.model_copy(update={"place": Place(district="1")}), CITY) is None


def test_case_is_found_by_the_work_grid_of_its_own_city() -> None:
    state = opened_case().model_copy(update={"place": Place(district="1", street="11")})

    assert lies_in_grid("west", [CITY])(state)
    assert not lies_in_grid("east", [CITY])(state)
    assert not lies_in_grid("west", [])(state)
    assert not lies_in_grid("west", [CITY])(state.model_copy(update={"city": "elsewhere"}))
