-- What a record that was set aside carried, sealed under the service's own key, bound to the letter's id.
-- Null: set aside by a release that did not seal.
ALTER TABLE dead_letter
    ADD COLUMN key_id text,
    ADD COLUMN sealed bytea,
    ADD CONSTRAINT dead_letter_sealed_by CHECK ((key_id IS NULL) = (sealed IS NULL)),
    ALTER COLUMN header_names DROP NOT NULL,
    ALTER COLUMN header_values DROP NOT NULL;
-- Sealed bytes do not compress.
ALTER TABLE dead_letter ALTER COLUMN sealed SET STORAGE EXTERNAL;
