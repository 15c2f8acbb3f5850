"""Posts of a town, and what its policy decides on a person's action."""

from typing import Any, Final

from paidan_contracts.actions import Action
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.policy import CityPolicy
from tests.dispatch.builders import ActionContext, decide_action

PERSON: Final = "10000000-0000-4000-8000-000000000001"


def build_post(id_: str, duty: str, **more: object) -> dict[str, Any]:
    """Return a post as a pack has it."""
    return {"id": id_, "names": {"zh": f"{id_}岗", "en": f"Post {id_}"}, "duty": duty, **more}


POSTS: Final = [
    build_post("taker", "acceptor"),
    build_post("sender", "dispatcher"),
    build_post("west-desk", "desk", places=["1"]),
    build_post("looker", "inspector"),
    build_post("helper", "volunteer"),
    build_post("squad-looker", "inspector", department="north-squad"),
]


def decide_by_post(
    state: CaseState, action: Action, post: str, *, policy: CityPolicy, actor: str = "operator:olga"
) -> Progressed | Refused:
    """Decide on the action of a person at a post."""
    return decide_action(state, action, ActionContext(actor=actor, post=post, person=PERSON), policy=policy)


def refusal_code(decided: Progressed | Refused) -> str | None:
    """Return the code of a refusal; None where it is applied."""
    return decided.refusal.code if isinstance(decided, Refused) else None
