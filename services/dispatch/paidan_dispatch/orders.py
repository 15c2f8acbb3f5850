"""What departments are told when a case moves: orders issued, changed, withdrawn, urged, and answers refused."""

from collections.abc import Sequence

from paidan_contracts.actions import ActionRequested
from paidan_contracts.cases import CaseEvent
from paidan_contracts.orders import AnswerRefused, OrderEvent
from paidan_contracts.outcomes import Why
from paidan_contracts.state import CaseState

from .bylaws import Bylaws


def messages(before: CaseState | None, events: Sequence[CaseEvent], bylaws: Bylaws) -> list[OrderEvent]:
    """Write what the steps mean to departments, in order; each goes to the topic of its ``order.department``.

    An imported past tells nobody.
    """
    raise NotImplementedError


def refused(request: ActionRequested, why: Why) -> AnswerRefused | None:
    """Tell a department (``request.actor.id``) why its answer was not taken; None: nobody waits on an orders topic."""
    raise NotImplementedError
