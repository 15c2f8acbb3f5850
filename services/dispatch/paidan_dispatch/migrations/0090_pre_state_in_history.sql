-- A case's state is read from its newest event in history, by primary key, where it is needed: it is stored once.
-- The release before this one writes and reads its copy until it has read its last record.
ALTER TABLE case_now ALTER COLUMN step DROP NOT NULL;
