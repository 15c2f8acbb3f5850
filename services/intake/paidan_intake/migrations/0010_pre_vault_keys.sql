-- The version of the key of each digest (none: a plain SHA-256, as in 0.1), the key of each report, wrapped by the vault's,
-- whether it is confidential, and when it was erased. Rows of 0.1 have no key of their own.
ALTER TABLE vault
    ADD COLUMN digest_key   text,
    ADD COLUMN confidential boolean NOT NULL DEFAULT false,
    ADD COLUMN data_key     bytea,
    ADD COLUMN erased_at    timestamptz;

-- What was done with an entry, besides being read.
ALTER TABLE vault_reading
    ADD COLUMN act text NOT NULL DEFAULT 'read' CHECK (act IN ('read', 'export', 'erase'));
CREATE INDEX vault_reading_key ON vault_reading (api_key, read_at);

-- The reports of a case whose reporter is to be called back now; NULL: as release 0.1 wrote it, which did not say.
ALTER TABLE standing
    ADD COLUMN callbacks_awaited uuid[];
