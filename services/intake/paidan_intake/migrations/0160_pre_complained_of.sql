-- The unit of whose handling a case complains: those who belong to it do not see who complains. Null: of nobody, or not known
-- yet, for the case has had no step since.
ALTER TABLE standing ADD COLUMN complained_of text;
