"""What the overview's map shows of cases, as JSON: counted cells and the newest open ones."""

from paidan_cockpit.pages import overview_queries
from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.pages.json_text import json_text
from paidan_cockpit.pages.labels import label
from paidan_cockpit.pages.overview_queries import Visible
from paidan_cockpit.pages.site import Site
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations


async def live_layers(site: Site, visible: Visible, view: CityView, language: Language) -> str:
    """Return counted cells and points, in one line."""
    translate = translations(language).gettext
    cells = await overview_queries.load_cells(site.pool, visible)
    points = [
        {
            "id": row["case_id"],
            "at": [round(row["latitude"], 6), round(row["longitude"], 6)],
            "light": "late" if row["due_at"] < view.times.now else "calm",
            "text": f"{row['number']} · {view.names.case_class(row['class_code'])}"
            f" · {label(translate, 'status', row['status'])}",
        }
        for row in await overview_queries.load_points(site.pool, visible)
    ]
    return json_text({"cell": overview_queries.CELL, "cells": cells, "points": points})
