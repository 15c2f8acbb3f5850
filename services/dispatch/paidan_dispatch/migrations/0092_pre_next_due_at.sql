-- When the first of a case's clocks is due. Which clocks those are follows from the state, and is read when that time comes.
ALTER TABLE case_now ADD COLUMN next_due_at timestamptz;

UPDATE case_now
   SET next_due_at = running.next_due_at
  FROM (SELECT case_id, min(due_at) AS next_due_at
          FROM timer
         GROUP BY case_id) AS running
 WHERE case_now.case_id = running.case_id;

CREATE INDEX case_now_due ON case_now (lane, next_due_at) WHERE next_due_at IS NOT NULL;

-- The release before this one sets timers until it has read its last record.
CREATE FUNCTION timer_sets_next_due_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE case_now
       SET next_due_at = (SELECT min(due_at) FROM timer WHERE timer.case_id = case_now.case_id)
     WHERE case_id = coalesce(NEW.case_id, OLD.case_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER timer_sets_next_due_at AFTER INSERT OR UPDATE OR DELETE ON timer
    FOR EACH ROW EXECUTE FUNCTION timer_sets_next_due_at();
