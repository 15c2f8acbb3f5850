"""Tags of departments' open orders: each differs once an order was issued, changed or withdrawn."""

import json
from collections.abc import Collection
from hashlib import sha256
from typing import Final, NamedTuple

from paidan_chassis.database import Pool
from paidan_dispatch.api.like_patterns import class_pattern, place_pattern

# Each that is asked for is a row of its own: whose orders, and within which places and classes (as JSON arrays).
SELECT_TAGS: Final = """
    SELECT asked.number, city, md5(string_agg(case_id || ':' || version || coalesce('!' || priority, ''), ' '
                                       ORDER BY case_id, version)) AS tag
      FROM unnest($1::integer[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[])
           AS asked (number, department, city_asked, within_places, within_classes)
      JOIN LATERAL (
           SELECT city, case_id, version, priority, places, class_code
             FROM case_now
            WHERE department = asked.department
              AND ended_at IS NULL
              AND status <> ALL(ARRAY['received', 'filed'])
              AND NOT past
            UNION ALL
           SELECT city, case_id, version, priority, places, class_code
             FROM case_now
             JOIN helper USING (case_id)
            WHERE helper.department = asked.department) AS open_order
        ON (city_asked IS NULL OR city = city_asked)
       AND (within_places = '[]' OR places LIKE ANY(ARRAY(SELECT jsonb_array_elements_text(within_places))))
       AND (within_classes = '[]' OR class_code LIKE ANY(ARRAY(SELECT jsonb_array_elements_text(within_classes))))
     GROUP BY asked.number, city
"""


class OrdersOf(NamedTuple):
    """The open orders of a department, in one city or in all, within a caller's places and classes."""

    department: str
    city: str | None
    within_places: tuple[str, ...] = ()
    within_classes: tuple[str, ...] = ()


async def load_order_tags(pool: Pool, asked: Collection[OrdersOf]) -> dict[OrdersOf, str]:
    """Return the tags of all these orders, by one statement."""
    wanted = list(asked)
    rows = await pool.fetch(
        SELECT_TAGS,
        list(range(len(wanted))),
        [each.department for each in wanted],
        [each.city for each in wanted],
        [json.dumps([place_pattern(place) for place in each.within_places]) for each in wanted],
        [json.dumps([class_pattern(class_) for class_ in each.within_classes]) for each in wanted],
        timeout=10,
    )
    tags: dict[int, list[tuple[str, str]]] = {}
    for row in rows:
        tags.setdefault(row["number"], []).append((row["city"], row["tag"]))
    return {each: _tag_of(each.department, tags.get(number, [])) for number, each in enumerate(wanted)}


def _tag_of(department: str, tags: list[tuple[str, str]]) -> str:
    return sha256(repr((department, sorted(tags))).encode()).hexdigest()[:32]
