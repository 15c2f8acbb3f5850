-- Which open cases wait at the hard-to-place desk or are overdue, to be counted without reading their documents.
ALTER TABLE case_now ADD COLUMN held boolean NOT NULL DEFAULT false,
                     ADD COLUMN overdue boolean NOT NULL DEFAULT false;

UPDATE case_now
   SET held = state ->> 'held_because' IS NOT NULL AND status IN ('received', 'filed'),
       overdue = COALESCE(status IN ('dispatched', 'handling')
                          AND (state #>> '{assignments,-1,limits,-1,overdue_at}' IS NOT NULL
                               OR status = 'dispatched'
                              AND state #>> '{assignments,-1,accept_overdue_at}' IS NOT NULL), false)
  FROM (SELECT case_id, convert_from(step, 'UTF8')::jsonb -> 'state' AS state
          FROM case_now
         WHERE ended_at IS NULL
           AND NOT past) AS open_case
 WHERE case_now.case_id = open_case.case_id
   AND (state ->> 'held_because' IS NOT NULL OR status IN ('dispatched', 'handling'));

CREATE INDEX case_now_held ON case_now (city) WHERE held;
CREATE INDEX case_now_overdue ON case_now (city) WHERE overdue;
