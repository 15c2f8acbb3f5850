-- When each source last sent anything, by the city's clock: written every few seconds, not with each report.
CREATE TABLE source_activity (
    source    text COLLATE "C" PRIMARY KEY,
    last_seen timestamptz NOT NULL
) WITH (fillfactor = 50);
