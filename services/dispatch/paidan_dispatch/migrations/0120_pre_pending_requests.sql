-- Cases with a request that waits for a decision (延期, 挂账, 申诉), listed by kind. Few have one.
ALTER TABLE case_now ADD COLUMN pending_request text;

CREATE INDEX case_now_pending_request ON case_now (city, reported_at, case_id) WHERE pending_request IS NOT NULL;
