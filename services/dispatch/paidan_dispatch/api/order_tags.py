"""Tags of departments' open orders: each differs once an order was issued, changed or withdrawn."""

from collections.abc import Collection
from hashlib import sha256
from typing import Final, NamedTuple

from paidan_chassis.database import Pool

SELECT_TAGS: Final = """
    SELECT department, city, md5(string_agg(case_id || ':' || version || coalesce('!' || priority, ''), ' '
                                            ORDER BY case_id, version)) AS tag
      FROM (SELECT department, city, case_id, version, priority
              FROM case_now
             WHERE department = ANY($1::text[])
               AND ended_at IS NULL
               AND status <> ALL(ARRAY['received', 'filed'])
               AND NOT past
             UNION ALL
            SELECT helper.department, city, case_id, version, priority
              FROM case_now
              JOIN helper USING (case_id)
             WHERE helper.department = ANY($1::text[])) AS open_order
     GROUP BY department, city
"""


class OrdersOf(NamedTuple):
    """The open orders of a department, in one city or in all."""

    department: str
    city: str | None


async def load_order_tags(pool: Pool, asked: Collection[OrdersOf]) -> dict[OrdersOf, str]:
    """Return the tags of all these orders, by one statement."""
    rows = await pool.fetch(SELECT_TAGS, {each.department for each in asked}, timeout=10)
    tags = sorted((row["department"], row["city"], row["tag"]) for row in rows)
    return {each: _tag_of(tags, each) for each in asked}


def _tag_of(tags: list[tuple[str, str, str]], asked: OrdersOf) -> str:
    own = [each for each in tags if each[0] == asked.department and asked.city in (None, each[1])]
    return sha256(repr(own).encode()).hexdigest()[:32]
