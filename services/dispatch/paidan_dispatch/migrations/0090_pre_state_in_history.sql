-- A case's state is read from its newest event in history, by primary key, where it is needed: it is stored once.
-- Until 0091 the release before this one still writes its copy.
ALTER TABLE case_now ALTER COLUMN step DROP NOT NULL;
