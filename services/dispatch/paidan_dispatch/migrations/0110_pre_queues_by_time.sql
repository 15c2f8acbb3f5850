-- Queues of held and of overdue cases are listed in order of time, page by page, and counted as before.
CREATE INDEX case_now_held_queue ON case_now (city, reported_at, case_id) WHERE held;
CREATE INDEX case_now_overdue_queue ON case_now (city, reported_at, case_id) WHERE overdue;
DROP INDEX case_now_held;
DROP INDEX case_now_overdue;
