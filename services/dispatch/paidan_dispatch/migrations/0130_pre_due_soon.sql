-- Open cases of which the warning of a running limit went out: a queue of their own, listed in order of time.
ALTER TABLE case_now ADD COLUMN due_soon boolean NOT NULL DEFAULT false;
CREATE INDEX case_now_due_soon_queue ON case_now (city, reported_at, case_id) WHERE due_soon;
