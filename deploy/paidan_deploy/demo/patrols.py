"""Patrols of the demo city: each acts as the person who holds its post, by tokens such as the cockpit signs."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from paidan_chassis.clock import real_now
from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_chassis.edge.person_tokens import PersonClaims
from paidan_contracts.city import City
from paidan_contracts.city.posts import scopes_of
from paidan_deploy.demo.departments import ProofClient
from paidan_deploy.demo.http_client import ServiceClient, Token


class Patrol(NamedTuple):
    """What the holder of a post acts with."""

    client: ServiceClient
    proofs: ProofClient


@dataclass(slots=True)
class Patrols:
    """The patrols by their posts; each is known to services from its first action on."""

    city: City
    signer: PersonTokenSigner | None
    """None: the installation signs no tokens of persons, so that all act by the key of their role."""
    key: str
    open_patrol: Callable[[Token], Patrol]
    opened: dict[str | None, Patrol] = field(default_factory=dict)

    def of(self, post: str | None) -> Patrol:
        """Return the patrol of a post; of none, whoever holds the key of the role."""
        known = post if self.signer is not None and post in self.city.posts else None
        if known not in self.opened:
            self.opened[known] = self.open_patrol(self._token_of(known))
        return self.opened[known]

    def _token_of(self, post: str | None) -> Token:
        if post is None or self.signer is None:
            return self.key
        # The same person every day, and one for each post.
        person = str(uuid.uuid5(uuid.NAMESPACE_URL, f"paidan:demo/{self.city.id}/{post}"))
        scopes = scopes_of(self.city.posts[post])
        return partial(_sign, self.signer, PersonClaims(person=person, city=self.city.id, scopes=scopes, post=post))


def _sign(signer: PersonTokenSigner, claims: PersonClaims) -> str:
    return signer.sign(claims, real_now())
