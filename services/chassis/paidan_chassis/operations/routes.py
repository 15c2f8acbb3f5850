"""All routes for operators, the same at every service."""

from fastapi import APIRouter

from paidan_chassis.operations.context import OperatorContext
from paidan_chassis.operations.dead_letter_routes import DeadLetterRoutes
from paidan_chassis.operations.halt_routes import HaltRoutes


def create_operator_router(context: OperatorContext) -> APIRouter:
    """Return a router with the routes for dead letters and halts."""
    router = APIRouter()
    router.include_router(DeadLetterRoutes(context).router())
    router.include_router(HaltRoutes(context).router())
    return router
