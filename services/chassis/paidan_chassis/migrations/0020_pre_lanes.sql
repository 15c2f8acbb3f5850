-- Where a consumer stands in one input partition. Rewritten by every batch, so rows have room to be updated in place.
CREATE TABLE lane (
    consumer    text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL CHECK (partition >= 0),
    -- -2 and -1: resume from the log's start or end, as an operator said; replaced at the next assignment.
    next_offset bigint NOT NULL CHECK (next_offset >= -2),
    seq         bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    relayed_seq bigint NOT NULL DEFAULT 0 CHECK (relayed_seq BETWEEN 0 AND seq),
    -- {"topic-partition": the last sequence that this lane sent there}, as of relayed_seq.
    previous    text NOT NULL DEFAULT '{}',
    -- Null: to be learned at the next assignment.
    cluster_id  text,
    topic_id    text,
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);

-- One row holds what one batch says from one lane: the relay publishes from memory, and only recovery reads this.
CREATE TABLE outbox (
    consumer  text NOT NULL,
    topic     text NOT NULL,
    partition integer NOT NULL,
    first_seq bigint NOT NULL CHECK (first_seq >= 1),
    last_seq  bigint NOT NULL CHECK (last_seq >= first_seq),
    body      bytea NOT NULL,
    PRIMARY KEY (consumer, topic, partition, first_seq)
);
-- Compressing what is deleted a second later costs more than the bytes.
ALTER TABLE outbox ALTER COLUMN body SET STORAGE EXTERNAL;

-- Records set aside, whole. Header names are bytes, too: anybody may have written them.
CREATE TABLE dead_letter (
    letter_id     uuid PRIMARY KEY,
    consumer      text NOT NULL,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    log_offset    bigint NOT NULL,
    key           bytea,
    value         bytea,
    header_names  bytea[] NOT NULL,
    header_values bytea[] NOT NULL,
    reason        text NOT NULL,
    detail        text NOT NULL,
    buried_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    redriven_at   timestamptz
);
CREATE INDEX dead_letter_by_time ON dead_letter (consumer, buried_at);

CREATE TABLE halt (
    halt_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer   text NOT NULL,
    reason     text NOT NULL,
    detail     text NOT NULL,
    halted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    resumed_at timestamptz
);
CREATE UNIQUE INDEX halt_standing ON halt (consumer) WHERE resumed_at IS NULL;
