-- Who is to be called back: closed, and nobody has called in this round. An imported past is nobody's to call.
ALTER TABLE case_now ADD COLUMN awaits_call boolean NOT NULL DEFAULT false;

UPDATE case_now
   SET awaits_call = true
  FROM (SELECT case_id, convert_from(step, 'UTF8')::jsonb -> 'state' AS state
          FROM case_now
         WHERE status = 'closed'
           AND NOT past) AS closed
 WHERE case_now.case_id = closed.case_id
   AND (state #> '{called_back,-1,round}') IS DISTINCT FROM (state -> 'round');

CREATE INDEX case_now_uncalled ON case_now (city, reported_at, case_id) WHERE awaits_call;
