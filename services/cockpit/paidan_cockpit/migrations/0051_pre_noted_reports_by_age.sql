-- Noted reports are forgotten as the log forgets their outcomes.
CREATE INDEX noted_report_by_age ON noted_report (recorded_at);
