-- One row a report, the first under its id; who reports it and what they said in their own words is sealed.
CREATE TABLE vault (
    report_id   uuid PRIMARY KEY,
    source      text NOT NULL,
    source_ref  text NOT NULL,
    city        text NOT NULL,
    area        text NOT NULL,
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    recorded_at timestamptz NOT NULL,
    key_id      text,
    sealed      bytea,
    CHECK ((key_id IS NULL) = (sealed IS NULL))
);

-- Who may see a photo. Its bytes lie in the photo folder under the same name.
CREATE TABLE photo (
    ref      text NOT NULL CHECK (ref ~ '^[0-9a-f]{64}\.jpg$'),
    holder   text NOT NULL,
    city     text NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (ref, holder)
);

-- What screening remembers of each thing that a camera keeps seeing.
CREATE TABLE sighting (
    source      text NOT NULL,
    camera      text NOT NULL,
    kind        text NOT NULL,
    region      text NOT NULL,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL CHECK (last_seen >= first_seen),
    reported_at timestamptz,
    PRIMARY KEY (source, camera, kind, region)
) WITH (fillfactor = 80);

-- What became of each report, as paidan.outcomes says.
CREATE TABLE outcome (
    report_id  uuid PRIMARY KEY,
    result     text NOT NULL,
    reason     text,
    message    text,
    message_zh text,
    case_id    text,
    decided_at timestamptz NOT NULL
);

-- The newest version of each case, so far as a reporter is told of it.
CREATE TABLE standing (
    case_id    text PRIMARY KEY,
    version    bigint NOT NULL,
    status     text NOT NULL,
    answer     text,
    due_at     timestamptz,
    changed_at timestamptz NOT NULL
) WITH (fillfactor = 80);
