-- Who has an order in a case may read its photos. Filled from paidan.cases by the consumer intake-status, which begins at
-- the log's start.
ALTER TABLE standing ADD COLUMN departments text[] NOT NULL DEFAULT '{}';
CREATE TABLE case_photo (
    ref     text NOT NULL,
    case_id text NOT NULL,
    PRIMARY KEY (ref, case_id)
);
