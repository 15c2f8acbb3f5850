-- The answer to a report that was noted without a case. That of a case is its public state's.
ALTER TABLE outcome ADD COLUMN answer text;
ALTER TABLE outcome ADD COLUMN answered_at timestamptz;
