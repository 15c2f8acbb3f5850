-- What was declared for a city (应急响应, 重大活动保障), as the partition of the city's own area decided it.
CREATE TABLE emergency (
    declaration_id uuid PRIMARY KEY,
    lane           integer NOT NULL,
    city           text COLLATE "C" NOT NULL,
    declared_at    timestamptz NOT NULL,
    ends_at        timestamptz,
    ended_at       timestamptz,
    declaration    bytea NOT NULL,
    ending         bytea
);
CREATE INDEX emergency_city ON emergency (city, declared_at);

-- The same in each area, by its own partition: how many of its cases were set anew, and how far the list has come.
CREATE TABLE emergency_area (
    area              text COLLATE "C" NOT NULL,
    declaration_id    uuid NOT NULL,
    lane              integer NOT NULL,
    declaration       bytea NOT NULL,
    ended_at          timestamptz,
    step              text COLLATE "C" CHECK (step IN ('shorten', 'restore')),
    portion           integer NOT NULL,
    until_reported_at timestamptz,
    until_case        text COLLATE "C",
    shortened         integer NOT NULL,
    restored          integer NOT NULL,
    PRIMARY KEY (area, declaration_id)
);
CREATE INDEX emergency_area_unfinished ON emergency_area (lane) WHERE step IS NOT NULL;

-- The cases that a declaration concerns, and their place in queues; nothing else has a row.
CREATE TABLE emergency_case (
    declaration_id uuid NOT NULL,
    case_id        text COLLATE "C" NOT NULL,
    lane           integer NOT NULL,
    priority       integer NOT NULL,
    PRIMARY KEY (declaration_id, case_id)
);
CREATE INDEX emergency_case_of ON emergency_case (case_id);
