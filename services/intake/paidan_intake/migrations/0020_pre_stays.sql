-- A thing may have been seen at several times, as when a camera sends its backlog among live alarms: the newest stay is in
-- the columns, the earlier ones here, as [{"first_seen", "last_seen", "reported_at", "is_unsure"}].
ALTER TABLE sighting
    ADD COLUMN earlier jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN is_unsure boolean NOT NULL DEFAULT false;
