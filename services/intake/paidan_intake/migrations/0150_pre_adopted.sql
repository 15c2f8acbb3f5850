-- Whether a suggestion that was noted is adopted, as its answer says.
ALTER TABLE outcome ADD COLUMN adopted boolean;
