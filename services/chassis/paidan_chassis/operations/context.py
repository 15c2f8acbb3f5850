"""What the routes for operators are built from, and who may call them."""

from collections.abc import Collection
from dataclasses import dataclass

from paidan_chassis.database import Pool
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher


@dataclass(frozen=True, slots=True)
class OperatorContext:
    """A service's resources, the scopes of its operators, and the city of keys that are valid in all cities."""

    pool: Pool
    publisher: Publisher
    cipher: Cipher
    operators: Collection[str]
    city: str

    def require_operator(self, caller: Principal) -> None:
        """Raise 403 unless the caller operates the installation: records and halts are of no single city."""
        if caller.city != self.city or caller.scopes.isdisjoint(self.operators):
            raise problems.forbidden(
                "only an operator's key that is valid in all cities may do this", "仅限适用于所有城市的值班员密钥"
            )
