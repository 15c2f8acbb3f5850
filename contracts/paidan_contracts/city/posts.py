"""A city's posts (岗位): what a person who holds one may do, for which classes and where. Persons are not in a pack."""

from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import StringConstraints

from paidan_contracts.city.organisation import DepartmentId
from paidan_contracts.city.pack_types import ClassPattern, Names, PackModel, PlaceCode

PostId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
PostDuty = Literal[
    "inspector",
    "acceptor",
    "duty_chief",
    "dispatcher",
    "handler",
    "caller",
    "desk",
    "supervisor",
    "operator",
    "street_chief",
    "road_chief",
    "lane_chief",
    "building_chief",
    "shop_chief",
    "steward",
    "volunteer",
    "department_chief",
]
DutyAction = Literal[
    "verify",
    "file",
    "assign",
    "redispatch",
    "accept",
    "return",
    "finish",
    "inspect",
    "call_back",
    "void",
    "urge",
    "amend",
    "reply",
    "correct",
    "note",
    "hand_on",
    "confirm",
    "ask_extension",
    "ask_suspension",
    "resume",
    "adjudicate",
    "co_handle",
    "escalate",
    "end_escalation",
    "appeal",
    "force_close",
    "review",
    "set_limit",
    "plan_step",
    "finish_step",
    "assign_verification",
    "cannot_verify",
    "plan_construction",
    "strike_off",
    "settle",
    "declare_emergency",
    "end_emergency",
]
"""Every kind of action of the contract."""


class Duty(NamedTuple):
    """A duty of posts: its name, and the scope that it grants; ``{department}`` is the post's department."""

    names: Names
    scope: str
    actions: tuple[DutyAction, ...] | None = None
    """Which actions it may take, where the city's pack says nothing else; None: all that its scope allows."""

    @property
    def is_patrol(self) -> bool:
        """Whether its posts look at reports on site."""
        return self.scope == "role:inspector"


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
        "supervisor": Duty(Names(zh="督查员", en="Supervisor"), "role:monitor", ()),
        "operator": Duty(Names(zh="运维人员", en="System operator"), "role:operator"),
        "street_chief": Duty(Names(zh="街长", en="Street chief"), "role:inspector"),
        "road_chief": Duty(Names(zh="路长", en="Road chief"), "role:inspector"),
        "lane_chief": Duty(Names(zh="巷长", en="Lane chief"), "role:inspector"),
        "building_chief": Duty(Names(zh="楼长", en="Building chief"), "role:inspector"),
        "shop_chief": Duty(Names(zh="店长", en="Shop chief"), "role:inspector", ("verify", "cannot_verify")),
        "steward": Duty(Names(zh="管家", en="Steward"), "role:inspector"),
        "volunteer": Duty(Names(zh="志愿者", en="Volunteer"), "role:inspector", ("verify", "cannot_verify")),
    }
)
_BELONGS_TO_ITS_DEPARTMENT: Final = frozenset({"role:inspector", "role:caller", "role:operator"})


MAX_SCOPES_LENGTH: Final = 2000
"""As many characters as the scopes of a person's token may have, with a blank between two."""


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


class DutyTerms(PackModel):
    """Which actions a duty may take in this city."""

    duty: PostDuty
    actions: tuple[DutyAction, ...]


LOCAL_DUTIES: Final[frozenset[PostDuty]] = frozenset(
    {"desk", "street_chief", "road_chief", "lane_chief", "building_chief", "shop_chief"}
)
"""Those that belong to a place."""


def scopes_of(post: Post) -> frozenset[str]:
    """Return the scopes that a post grants to its holder: what a key of the same duty has, within its bounds."""
    scope = DUTIES[post.duty].scope.format(department=post.department)
    member = {f"member:{post.department}"} if post.department and scope in _BELONGS_TO_ITS_DEPARTMENT else set()
    classes = {f"class:{pattern}" for pattern in post.classes or ()}
    places = {f"place:{code}" for code in post.places or ()}
    return frozenset({scope} | member | classes | places)
