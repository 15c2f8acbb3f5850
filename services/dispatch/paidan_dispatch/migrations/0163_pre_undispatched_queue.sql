-- What no department has yet: it awaits verification, a department, or its date in the construction plan. Those are few
-- cases, and one that is dispatched as it opens has no entry. Whose task a verification is stands in answerable: ` verifier=post `.
CREATE INDEX case_now_undispatched_queue ON case_now (city, reported_at, case_id) WHERE status IN ('received', 'filed');
