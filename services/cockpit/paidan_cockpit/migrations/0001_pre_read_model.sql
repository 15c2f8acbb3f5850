-- A case by the highest version seen: what queues, search and map show. All of it is computed from paidan.cases.
CREATE TABLE case_row (
    case_id      text COLLATE "C" PRIMARY KEY,
    version      bigint NOT NULL CHECK (version >= 1),
    number       text COLLATE "C" NOT NULL,
    city         text COLLATE "C" NOT NULL,
    city_version text COLLATE "C" NOT NULL,
    status       text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    channel      text COLLATE "C" NOT NULL,
    class_code   text COLLATE "C",
    row_id       text COLLATE "C",
    district     text COLLATE "C",
    street       text COLLATE "C",
    community    text COLLATE "C",
    grid         text COLLATE "C",
    address      text,
    latitude     double precision,
    longitude    double precision,
    text         text NOT NULL,
    more_text    text NOT NULL,
    -- Of all words by which the case is found: equal ones need not be indexed again.
    text_digest  bigint NOT NULL,
    confidential boolean NOT NULL,
    department   text COLLATE "C",
    helpers      text[] COLLATE "C" NOT NULL,
    reports      bigint NOT NULL,
    round        bigint NOT NULL,
    hops         bigint NOT NULL,
    reopened     bigint NOT NULL,
    urged        bigint NOT NULL,
    held         boolean NOT NULL,
    awaits_call  boolean NOT NULL,
    rating       text COLLATE "C",
    past         boolean NOT NULL,
    reported_at  timestamptz NOT NULL,
    ended_at     timestamptz,
    due_kind     text COLLATE "C",
    -- In the year 9999 where no clock runs, so that one order holds for all.
    due_at       timestamptz NOT NULL,
    CONSTRAINT case_row_due CHECK ((due_kind IS NULL) = (due_at >= '9999-01-01Z'))
) WITH (fillfactor = 85);

-- Cases whose words have changed. Rows are only ever added by a lane; the word index deletes those that it saw.
CREATE TABLE word_queue (
    queue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id  text COLLATE "C" NOT NULL
);
CREATE TABLE case_words (
    case_id     text COLLATE "C" PRIMARY KEY,
    city        text COLLATE "C" NOT NULL,
    reported_at timestamptz NOT NULL,
    words       text[] COLLATE "C" NOT NULL
);

-- While the read model is made anew from the log: up to which offset of each partition.
CREATE TABLE rebuild (
    topic     text NOT NULL,
    partition integer NOT NULL,
    until     bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- The indexes that a rebuild drops and builds last. The service's own role may not drop an index, so these functions
-- are its owner's.
CREATE FUNCTION drop_read_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DROP INDEX IF EXISTS case_open_by_due, case_open_by_department, case_open_by_status, case_by_report,
                         case_by_department, case_to_call, case_by_end, case_by_number, case_words_of, case_words_by_report;
END $$;
CREATE FUNCTION create_read_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    CREATE INDEX IF NOT EXISTS case_open_by_due ON case_row (city, due_at, case_id) WHERE ended_at IS NULL;
    CREATE INDEX IF NOT EXISTS case_open_by_department ON case_row (city, department, due_at, case_id)
     WHERE ended_at IS NULL;
    CREATE INDEX IF NOT EXISTS case_open_by_status ON case_row (city, status, due_at, case_id) WHERE ended_at IS NULL;
    CREATE INDEX IF NOT EXISTS case_by_report ON case_row (city, reported_at, case_id);
    CREATE INDEX IF NOT EXISTS case_by_department ON case_row (city, department, reported_at, case_id);
    CREATE INDEX IF NOT EXISTS case_to_call ON case_row (city, reported_at, case_id) WHERE awaits_call;
    CREATE INDEX IF NOT EXISTS case_by_end ON case_row (city, ended_at, status) WHERE ended_at IS NOT NULL;
    CREATE INDEX IF NOT EXISTS case_by_number ON case_row (number);
    CREATE INDEX IF NOT EXISTS case_words_of ON case_words USING gin (words);
    CREATE INDEX IF NOT EXISTS case_words_by_report ON case_words (city, reported_at, case_id);
END $$;
SELECT create_read_indexes();
