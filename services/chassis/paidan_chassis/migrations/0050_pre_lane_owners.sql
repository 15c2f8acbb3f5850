-- Who owns a lane now, and what is known of records at which owners died. Written at take-overs, and before each batch
-- of a lane on trial; by no batch otherwise.
CREATE TABLE lane_owner (
    consumer       text NOT NULL,
    topic          text NOT NULL,
    partition      integer NOT NULL CHECK (partition >= 0),
    -- One run of a consumer; null: it gave the lane back in order.
    owner          uuid,
    -- Below this offset batches hold trial_size records of one lane, and are announced before they are decided.
    trial_until    bigint NOT NULL DEFAULT 0,
    trial_size     integer NOT NULL DEFAULT 0,
    -- The batch announced last. Its process died while deciding if the lane's position is still there.
    deciding       bigint,
    deciding_count integer NOT NULL DEFAULT 0,
    -- How often the one record at deaths_at, alone in its batch, has ended its process.
    deaths         integer NOT NULL DEFAULT 0,
    deaths_at      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, topic, partition)
);
