-- A case as it is now. `step` is its newest event as published, whose state is the case's state: one document, written
-- once and stored twice (here and in history), beside the few columns that are searched.
-- No index holds a column that changes with every step, so that most steps are HOT updates.
CREATE TABLE case_now (
    case_id        text COLLATE "C" PRIMARY KEY,
    lane           integer NOT NULL,
    version        bigint NOT NULL CHECK (version > 0),
    city           text COLLATE "C" NOT NULL,
    area           text COLLATE "C" NOT NULL,
    status         text COLLATE "C" NOT NULL,
    department     text COLLATE "C",
    class_code     text COLLATE "C",
    channel        text COLLATE "C" NOT NULL,
    matched_within text COLLATE "C",
    past           boolean NOT NULL,
    latitude       double precision,
    longitude      double precision,
    square         bigint, -- where matching finds it; null: nowhere
    reported_at    timestamptz NOT NULL,
    recurs_until   timestamptz NOT NULL, -- of an open case: infinity
    ended_at       timestamptz,
    step           bytea NOT NULL,
    chain          bytea NOT NULL CHECK (octet_length(chain) = 32)
) WITH (fillfactor = 75, toast_tuple_target = 8160);

-- A state is about 2 kB; squeezing each one on every step would cost more than the pages it saves.
ALTER TABLE case_now ALTER COLUMN step SET STORAGE EXTERNAL;

-- What matching asks for: the open cases of some squares, and those closed there shortly before.
CREATE INDEX case_now_square ON case_now (square, recurs_until) WHERE square IS NOT NULL;
-- What a department asks for: its open orders.
CREATE INDEX case_now_department ON case_now (department) WHERE ended_at IS NULL;
-- What lists ask for: a city's cases by time, those that wait for something apart from those that ended.
CREATE INDEX case_now_open ON case_now (city, reported_at, case_id) WHERE ended_at IS NULL;
CREATE INDEX case_now_ended ON case_now (city, reported_at, case_id) WHERE ended_at IS NOT NULL;

-- Every step of every case: the bytes as published, and sha256(the step before's chain || bytes).
CREATE TABLE history (
    case_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    event   bytea NOT NULL,
    chain   bytea NOT NULL CHECK (octet_length(chain) = 32),
    PRIMARY KEY (case_id, version)
) WITH (toast_tuple_target = 8160);

ALTER TABLE history ALTER COLUMN event SET STORAGE EXTERNAL;

CREATE FUNCTION history_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is only ever added to' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER history_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON history
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_kept();

-- What became of each report and each action: exactly one row each. `sender` is who may ask (an actor: kind:id).
CREATE TABLE outcome (
    id           uuid PRIMARY KEY,
    about        text COLLATE "C" NOT NULL CHECK (about IN ('report', 'action')),
    result       text COLLATE "C" NOT NULL,
    why          text,
    area         text COLLATE "C",
    case_id      text COLLATE "C",
    case_version bigint,
    digest       bytea,
    sender       text COLLATE "C",
    decided_at   timestamptz NOT NULL
);

-- What was decided stays decided; only what was set aside may be decided after all, by a redrive.
CREATE FUNCTION outcome_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an outcome is decided once' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER outcome_is_final BEFORE UPDATE ON outcome
    FOR EACH ROW WHEN (OLD.result <> 'dead_lettered') EXECUTE FUNCTION outcome_is_final();

CREATE TRIGGER outcome_is_kept BEFORE DELETE OR TRUNCATE ON outcome
    FOR EACH STATEMENT EXECUTE FUNCTION outcome_is_final();

-- The clocks that run: the newest setting of each.
CREATE TABLE timer (
    case_id    text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    lane       integer NOT NULL,
    due_at     timestamptz NOT NULL,
    PRIMARY KEY (case_id, kind)
);

CREATE INDEX timer_due ON timer (lane, due_at);

-- The version of each city's pack that a lane decides by, as its own log said.
CREATE TABLE lane_city (
    lane        integer NOT NULL,
    city        text COLLATE "C" NOT NULL,
    version     text COLLATE "C" NOT NULL CHECK (length(version) = 64),
    in_force_at timestamptz NOT NULL,
    PRIMARY KEY (lane, city)
);
