"""The overview's map as JSON: borders from the pack, counted cells and the newest open cases."""

import json
from collections.abc import Iterator
from typing import Any

from paidan_cockpit.pages import overview_queries
from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.pages.labels import label
from paidan_cockpit.pages.overview_queries import Visible
from paidan_cockpit.pages.site import Site
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations
from paidan_contracts.city.geography import Shape

_LEVELS = ("district", "street")


def borders(view: CityView) -> bytes:
    """Return districts and streets, and the city's outline, as GeoJSON with names in the reader's language."""
    return json.dumps({"type": "FeatureCollection", "features": list(_features(view))}, ensure_ascii=False).encode()


def _features(view: CityView) -> Iterator[dict[str, Any]]:
    geography = view.city.pack.geography
    if geography.outline is not None:
        yield _feature(geography.outline, level="city", code="", name=view.names.city_name())
    for place in geography.places:
        if place.shape is not None and place.level in _LEVELS:
            yield _feature(place.shape, level=place.level, code=place.code, name=view.names.of(place.names))


def _feature(shape: Shape, **properties: str) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "MultiPolygon", "coordinates": shape.polygons},
    }


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
    return json.dumps({"cell": overview_queries.CELL, "cells": cells, "points": points}, ensure_ascii=False)
