-- The highest level of the city's ladder to which an open case is raised: supervision's queue, listed in order of time.
ALTER TABLE case_now ADD COLUMN level text COLLATE "C";
CREATE INDEX case_now_level_queue ON case_now (city, level, reported_at, case_id) WHERE level IS NOT NULL;
