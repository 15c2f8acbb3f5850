-- One hour of one sender of a lane that others write: how many of its records could not be applied, and how many of
-- them, beyond the limit, are only counted. Hours are by the broker's time, so that a replay counts alike.
CREATE TABLE sender_hour (
    consumer     text NOT NULL,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    sender       text NOT NULL,
    started_at   timestamptz NOT NULL,
    dead_letters bigint NOT NULL CHECK (dead_letters >= counted),
    counted      bigint NOT NULL DEFAULT 0 CHECK (counted >= 0),
    -- Of those that are only counted.
    first_offset bigint,
    last_offset  bigint,
    PRIMARY KEY (consumer, topic, partition, sender, started_at)
);

-- A record that can never be applied may be dropped by an operator, who says why.
ALTER TABLE dead_letter
    ADD COLUMN dropped_at timestamptz,
    ADD COLUMN dropped_by text,
    ADD COLUMN dropped_because text,
    ADD CONSTRAINT dead_letter_dropped_by CHECK (
        (dropped_at IS NULL) = (dropped_by IS NULL) AND (dropped_at IS NULL) = (dropped_because IS NULL));
-- A waiting letter is found by its lane and offset when it is put back and fails again.
CREATE INDEX dead_letter_by_record ON dead_letter (consumer, topic, partition, log_offset);
