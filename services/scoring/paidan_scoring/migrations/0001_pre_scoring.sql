-- A case under one of its assignments, by the highest version seen. facts is a set of bits, see bits.py.
-- Where a fact counts never changes in the index below, so a new version of a fact is written in place.
CREATE TABLE fact (
    case_id    text COLLATE "C" NOT NULL,
    assignment integer NOT NULL CHECK (assignment >= 1),
    version    bigint NOT NULL CHECK (version >= 1),
    partition  integer NOT NULL,
    city       text COLLATE "C" NOT NULL,
    day        date NOT NULL,
    department text COLLATE "C" NOT NULL,
    district   text COLLATE "C" NOT NULL,
    street     text COLLATE "C" NOT NULL,
    class_code text COLLATE "C" NOT NULL,
    source     text COLLATE "C" NOT NULL,
    facts      bigint NOT NULL,
    PRIMARY KEY (case_id, assignment)
) WITH (fillfactor = 80);
CREATE INDEX fact_by_day ON fact (city, day, case_id, assignment);

-- How many facts of one key are alike. Each fact is counted once under each dimension. Owners of different partitions
-- never touch the same row; readers sum over partitions. A number below 0 is impossible; no constraint says so, because
-- PostgreSQL would judge the step that is to be added, and steps are negative. GET /v1/conservation says so instead.
CREATE TABLE tally (
    city      text COLLATE "C" NOT NULL,
    day       date NOT NULL,
    dimension text COLLATE "C" NOT NULL,
    key       text COLLATE "C" NOT NULL,
    facts     bigint NOT NULL,
    partition integer NOT NULL,
    number    bigint NOT NULL,
    PRIMARY KEY (city, dimension, day, key, facts, partition)
) WITH (fillfactor = 50);

-- Days whose figures have moved since they were last published. Rows are only ever added by a lane, so that it waits
-- for nobody; the publisher deletes those that it saw.
CREATE TABLE mark (
    mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    city    text COLLATE "C" NOT NULL,
    day     date NOT NULL
);

-- While facts are made anew from the log, figures are incomplete: up to which offset of each partition.
CREATE TABLE rebuild (
    partition integer PRIMARY KEY,
    until     bigint NOT NULL
);

-- Every figure that was shown or published, so that its id can be asked back. version 0: shown, never published.
CREATE TABLE score (
    score_id          uuid PRIMARY KEY,
    city              text COLLATE "C" NOT NULL,
    period            text COLLATE "C" NOT NULL,
    dimension         text COLLATE "C" NOT NULL,
    key               text COLLATE "C" NOT NULL,
    indicator         text COLLATE "C" NOT NULL,
    indicator_version text COLLATE "C" NOT NULL,
    numerator         bigint NOT NULL DEFAULT 0,
    denominator       bigint NOT NULL DEFAULT 0,
    version           bigint NOT NULL DEFAULT 0,
    published         bigint NOT NULL DEFAULT 0 CHECK (published BETWEEN 0 AND version),
    computed_at       timestamptz
) WITH (fillfactor = 80);
CREATE INDEX score_by_period ON score (city, period);
CREATE INDEX score_unpublished ON score (score_id) WHERE published < version;
