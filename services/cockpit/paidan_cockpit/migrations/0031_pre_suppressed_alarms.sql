-- Alarms that became no report, by their outcomes: counted by quarters of an hour, in which every zone's days begin.
CREATE TABLE suppressed_tally (
    quarter timestamptz NOT NULL,
    city    text COLLATE "C" NOT NULL,
    source  text COLLATE "C" NOT NULL,
    reason  text COLLATE "C" NOT NULL,
    alarms  bigint NOT NULL CHECK (alarms > 0),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (quarter, city, source, reason)
) WITH (fillfactor = 70);
-- Which outcomes are counted there: each once, however often it comes.
CREATE TABLE suppressed_alarm (
    alarm_id    uuid PRIMARY KEY,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX suppressed_alarm_by_time ON suppressed_alarm (recorded_at);

-- Reports that were noted, by their outcomes: no case tells of them, and yet they came in.
CREATE TABLE noted_report (
    report_id   uuid PRIMARY KEY,
    city        text COLLATE "C" NOT NULL,
    source      text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX noted_report_by_time ON noted_report (city, recorded_at, source);
