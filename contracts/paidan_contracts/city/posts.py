"""A city's posts (岗位): what a person who holds one may do, for which classes and where. Persons are not in a pack."""

from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import StringConstraints

from paidan_contracts.city.organisation import DepartmentId
from paidan_contracts.city.pack_types import ClassPattern, Names, PackModel, PlaceCode

PostId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
PostDuty = Literal[
    "inspector", "acceptor", "duty_chief", "dispatcher", "handler", "caller", "desk", "supervisor", "operator",
    "department_chief",
]  # fmt: skip


class Duty(NamedTuple):
    """A duty of posts: its name, and the scope that it grants; ``{department}`` is the post's department."""

    names: Names
    scope: str


DUTIES: Final[MappingProxyType[PostDuty, Duty]] = MappingProxyType(
    {
        "inspector": Duty(Names(zh="监督员", en="Inspector"), "role:inspector"),
        "acceptor": Duty(Names(zh="受理员", en="Acceptor"), "role:operator"),
        "duty_chief": Duty(Names(zh="值班长", en="Duty chief"), "role:operator"),
        "dispatcher": Duty(Names(zh="派遣员", en="Dispatcher"), "role:operator"),
        "handler": Duty(Names(zh="处置员", en="Handler"), "department:{department}"),
        "department_chief": Duty(Names(zh="责任单位负责人", en="Head of a department"), "department:{department}"),
        "caller": Duty(Names(zh="回访员", en="Caller-back"), "role:caller"),
        "desk": Duty(Names(zh="区县、街道席位", en="District or street desk"), "role:operator"),
        "supervisor": Duty(Names(zh="督查员", en="Supervisor"), "role:monitor"),
        "operator": Duty(Names(zh="运维人员", en="System operator"), "role:operator"),
    }
)
_BELONGS_TO_ITS_DEPARTMENT: Final = frozenset({"role:inspector", "role:caller", "role:operator"})


class Post(PackModel):
    """A post. Who holds it is known to the cockpit alone; its id stands on each step that its holder takes."""

    id: PostId
    names: Names
    duty: PostDuty
    classes: tuple[ClassPattern, ...] | None = None
    """Only cases of these; None: of every class."""
    places: tuple[PlaceCode, ...] | None = None
    """Only cases in these districts, streets and communities; None: everywhere in the city."""
    department: DepartmentId | None = None
    """The department to which it belongs, for which a handler answers and whose work an inspector may not inspect."""


def scopes_of(post: Post) -> frozenset[str]:
    """Return the scopes that a post grants to its holder: what a key of the same duty has, within its bounds."""
    scope = DUTIES[post.duty].scope.format(department=post.department)
    member = {f"member:{post.department}"} if post.department and scope in _BELONGS_TO_ITS_DEPARTMENT else set()
    classes = {f"class:{pattern}" for pattern in post.classes or ()}
    places = {f"place:{code}" for code in post.places or ()}
    return frozenset({scope} | member | classes | places)
