"""Parts of the statements of lists: a city's open or ended cases in order, and the page put together of them."""

from typing import Final

PART: Final = """
    (SELECT reported_at, case_id, version, {priority} AS priority
       FROM case_now
      WHERE {conditions}
      ORDER BY reported_at {order}, case_id {order}
      LIMIT {limit})
"""
# Of each priority the first cases by their own index: a page costs the same however many a declaration concerns.
PRIORITISED_PART: Final = """
    (SELECT of_rank.*
       FROM generate_series(1, {highest}) AS ranks (rank)
      CROSS JOIN LATERAL
            (SELECT reported_at, case_id, version, priority
               FROM case_now
              WHERE priority = ranks.rank
                AND {conditions}
              ORDER BY reported_at {order}, case_id {order}
              LIMIT {limit}) AS of_rank)
"""
# What is common is found among the first cases by time, what is rare by the facets: of what is so rare that the first
# hold no page of it, there are not many in all. The index of facets is asked for the cases beyond those alone, and only
# where there are any. In one statement, so that both see the same moment.
PART_BY_FACETS: Final = """
    (WITH found AS MATERIALIZED (
          SELECT reported_at, case_id, version, NULL::integer AS priority
            FROM (SELECT *
                    FROM case_now
                   WHERE {in_order}
                   ORDER BY reported_at {order}, case_id {order}
                   LIMIT {walked}) AS walked
           WHERE {tests}
           LIMIT {limit}
     ), walked_to AS MATERIALIZED (
          SELECT reported_at, case_id
            FROM case_now
           WHERE {in_order}
           ORDER BY reported_at {order}, case_id {order}
          OFFSET {walked} - 1
           LIMIT 1
     ), is_short AS MATERIALIZED (
          SELECT (SELECT count(*) FROM found) < {limit} AND EXISTS (SELECT FROM walked_to) AS holds
     )
     SELECT * FROM found
      UNION ALL
     SELECT *
       FROM (SELECT reported_at, case_id, version, NULL::integer AS priority
               FROM case_now
              WHERE (SELECT holds FROM is_short)
                AND {in_order}
                AND {facets}
                AND {tests}
                AND (reported_at, case_id) {beyond} (SELECT reported_at, case_id FROM walked_to)
              ORDER BY reported_at {order}, case_id {order}
              LIMIT {limit}) AS rare)
"""
# The states of one page, after it is known which cases are on it.
PAGE: Final = """
    SELECT reported_at, case_id, page.priority, {event} AS event
      FROM (SELECT *
              FROM ({parts}) AS found
             ORDER BY coalesce(priority, 0) DESC, reported_at {order}, case_id {order}
             LIMIT {limit}) AS page
      JOIN history USING (case_id, version)
     ORDER BY coalesce(page.priority, 0) DESC, reported_at {order}, case_id {order}
"""
# Words are read in the events of the cases of one page, as they were published: there is no index of words.
EVENT_WITH_WORDS: Final = """
    CASE WHEN lower(convert_from(event, 'UTF8') COLLATE "C") LIKE ALL({patterns}) THEN event END
"""
