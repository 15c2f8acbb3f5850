ALTER TABLE dead_letter
    -- Who sent the record; null: unknown.
    ADD COLUMN sender text,
    -- The offset at which it was appended again.
    ADD COLUMN redriven_to bigint,
    -- Tries to append it again whose outcome is not stored here, and an offset before which none of them appended it.
    ADD COLUMN redrive_tries integer NOT NULL DEFAULT 0,
    ADD COLUMN redrive_from bigint;
CREATE INDEX dead_letter_newest ON dead_letter (buried_at DESC, letter_id DESC);
-- A record that failed again is a letter at the offset where it was appended: how often it was tried is counted by it.
CREATE INDEX dead_letter_redriven_to ON dead_letter (consumer, topic, partition, redriven_to)
    WHERE redriven_to IS NOT NULL;
