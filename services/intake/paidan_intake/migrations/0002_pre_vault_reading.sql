-- Who looked into the vault, when and why. Only ever added to: written before anything is shown.
CREATE TABLE vault_reading (
    reading_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id  uuid NOT NULL,
    api_key    text NOT NULL,
    reader     text NOT NULL,
    reason     text NOT NULL CHECK (reason <> ''),
    read_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX vault_reading_report ON vault_reading (report_id);
