"""Every page and asset of the site."""

from starlette.routing import BaseRoute

from paidan_cockpit.pages.actions import ActionPages
from paidan_cockpit.pages.assets import Assets
from paidan_cockpit.pages.bulk_actions import BulkActionPages
from paidan_cockpit.pages.calls import CallPages
from paidan_cockpit.pages.cases import CasePages
from paidan_cockpit.pages.city import CityPages
from paidan_cockpit.pages.dead_letters import DeadLetterPages
from paidan_cockpit.pages.desks import DeskPages
from paidan_cockpit.pages.emergencies import EmergencyPages
from paidan_cockpit.pages.overview import OverviewPages
from paidan_cockpit.pages.provider import Provider
from paidan_cockpit.pages.queue_tables import QueueTables
from paidan_cockpit.pages.queues import QueuePages
from paidan_cockpit.pages.saved_views import SavedViewPages
from paidan_cockpit.pages.scores import ScorePages
from paidan_cockpit.pages.sessions import SessionPages
from paidan_cockpit.pages.sign_in import SignInPages
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.system import SystemPages


def page_routes(site: Site, assets: Assets, provider: Provider | None = None) -> list[BaseRoute]:
    """Return the routes of all pages."""
    return [
        assets.route(),
        *SignInPages(site, provider).routes(),
        *SessionPages(site).routes(),
        *QueuePages(site).routes(),
        *QueueTables(site).routes(),
        *SavedViewPages(site).routes(),
        *BulkActionPages(site).routes(),
        *CasePages(site).routes(),
        *ActionPages(site).routes(),
        *DeskPages(site).routes(),
        *CallPages(site).routes(),
        *OverviewPages(site).routes(),
        *ScorePages(site).routes(),
        *CityPages(site).routes(),
        *EmergencyPages(site).routes(),
        *SystemPages(site).routes(),
        *DeadLetterPages(site).routes(),
    ]
