-- What a lane sends of a batch: one array of rows in place of one array a column, which costs a driver half as much.
-- A type is never altered, for a process of the release before sends its rows meanwhile: a change gets a new name.
CREATE TYPE incoming_case AS (
    case_id      text COLLATE "C",
    version      bigint,
    number       text COLLATE "C",
    city         text COLLATE "C",
    status       text COLLATE "C",
    source       text COLLATE "C",
    class_code   text COLLATE "C",
    row_id       text COLLATE "C",
    district     text COLLATE "C",
    street       text COLLATE "C",
    community    text COLLATE "C",
    grid         text COLLATE "C",
    address      text,
    latitude     double precision,
    longitude    double precision,
    text         text,
    more_text    text,
    text_digest  bigint,
    confidential boolean,
    department   text COLLATE "C",
    helpers      text[] COLLATE "C",
    reports      bigint,
    round        bigint,
    hops         bigint,
    urged        bigint,
    awaits_call  boolean,
    past         boolean,
    reported_at  timestamptz,
    ended_at     timestamptz,
    due_kind     text COLLATE "C",
    due_at       timestamptz,
    -- Joined by spaces; null where they are as before.
    words        text
);
CREATE TYPE incoming_report AS (
    report_id   uuid,
    city        text COLLATE "C",
    source      text COLLATE "C",
    recorded_at timestamptz
);

-- No page reads these, and nothing writes them any more.
ALTER TABLE case_row ALTER city_version DROP NOT NULL,
                     ALTER channel DROP NOT NULL,
                     ALTER reopened DROP NOT NULL,
                     ALTER held DROP NOT NULL;
