-- Every report that opened or joined a case, once: counted by source and time. Computed from paidan.cases like the rest.
CREATE TABLE report_row (
    report_id   uuid PRIMARY KEY,
    city        text COLLATE "C" NOT NULL,
    source      text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX report_row_by_time ON report_row (city, recorded_at, source);
