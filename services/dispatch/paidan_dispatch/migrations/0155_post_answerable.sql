-- Of the cases that the releases before this one wrote.
UPDATE case_now
   SET answerable = concat(' leader=' || (answers ->> 'leader'), ' office=' || (answers ->> 'office'),
                           ' unit=' || (answers ->> 'unit'), ' ')
  FROM (SELECT case_id, version, convert_from(event, 'UTF8')::jsonb #> '{state,answerable}' AS answers
          FROM history
         WHERE position(convert_to('"answerable":{', 'UTF8') IN event) > 0) AS step
 WHERE case_now.answerable IS NULL
   AND step.case_id = case_now.case_id
   AND step.version = case_now.version;
