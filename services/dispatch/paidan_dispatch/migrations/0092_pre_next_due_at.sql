-- When the first of a case's clocks is due. Which clocks those are follows from the state, and is read when that time comes.
ALTER TABLE case_now ADD COLUMN next_due_at timestamptz;

-- Dispatch of the release before does not run by now: it was stopped at its mark, or drained.
UPDATE case_now
   SET next_due_at = running.next_due_at
  FROM (SELECT case_id, min(due_at) AS next_due_at
          FROM timer
         GROUP BY case_id) AS running
 WHERE case_now.case_id = running.case_id;

CREATE INDEX case_now_due ON case_now (lane, next_due_at) WHERE next_due_at IS NOT NULL;
