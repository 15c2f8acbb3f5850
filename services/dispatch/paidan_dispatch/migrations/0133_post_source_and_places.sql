-- Of the cases that the releases before this one wrote.
UPDATE case_now
   SET source = state ->> 'source',
       places = concat('/' || (state #>> '{place,district}'), '/' || (state #>> '{place,street}'),
                       '/' || (state #>> '{place,community}'), '/')
  FROM (SELECT case_id, version, convert_from(event, 'UTF8')::jsonb -> 'state' AS state
          FROM history) AS step
 WHERE case_now.source IS NULL
   AND step.case_id = case_now.case_id
   AND step.version = case_now.version;
