-- The last results of the conservation check, from paidan.checks.
CREATE TABLE conservation_check (
    check_id   text COLLATE "C" PRIMARY KEY,
    checked_at timestamptz NOT NULL,
    holds      boolean NOT NULL,
    result     text NOT NULL
);
CREATE INDEX conservation_check_by_time ON conservation_check (checked_at DESC, check_id);
