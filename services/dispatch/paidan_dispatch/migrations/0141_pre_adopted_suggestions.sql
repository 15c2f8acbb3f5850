-- Whether a suggestion that was noted is adopted; null: it is none, or nobody has said so.
ALTER TABLE noted_report ADD COLUMN adopted boolean;
