"""The work grid (责任网格) in which a case lies, by the city's pack in force."""

from collections.abc import Callable, Collection

from paidan_contracts.city import City
from paidan_contracts.state import CaseState
from paidan_dispatch.api.models import CaseWorkGrid, WorkGridPost


def work_grid_of(state: CaseState, city: City) -> CaseWorkGrid | None:
    """Return the work grid of a case's place, with its posts; None where the city has none there."""
    grid = city.geography.work_grid_of(state.place.street, state.place.community)
    if grid is None:
        return None
    posts = [city.posts[each] for each in grid.posts if each in city.posts]
    return CaseWorkGrid(
        id=grid.id,
        names=grid.names,
        posts=[WorkGridPost(id=each.id, names=each.names, duty=each.duty) for each in posts],
    )


def places_of_grid(grid_id: str | None, cities: Collection[City]) -> list[str]:
    """Return the streets and communities of the work grids of this name. Every case in one lies in one of them."""
    grids = [each for city in cities for each in city.pack.geography.work_grids or () if each.id == grid_id]
    return sorted({place for each in grids for place in each.places})


def lies_in_grid(grid_id: str | None, cities: Collection[City]) -> Callable[[CaseState], bool]:
    """Return the question whether a case lies in a work grid of one of these cities; None: in any, or none."""
    if grid_id is None:
        return lambda _state: True
    by_id = {each.id: each for each in cities}

    def covers(state: CaseState) -> bool:
        city = by_id.get(state.city)
        grid = city.geography.work_grid_of(state.place.street, state.place.community) if city is not None else None
        return grid is not None and grid.id == grid_id

    return covers
