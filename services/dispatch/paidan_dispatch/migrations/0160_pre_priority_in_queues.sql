-- The place of an open case in queues while a declaration concerns it; NULL, almost always: by time alone. Nothing that
-- opens or dispatches a case writes it, and few rows are in its index.
ALTER TABLE case_now ADD COLUMN priority integer;
CREATE INDEX case_now_prioritised ON case_now (city, priority, reported_at, case_id) WHERE priority IS NOT NULL;
