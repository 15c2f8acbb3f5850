-- The cases that somebody still has something to do with: open ones, and closed ones whose reporter is to be called.
-- They are a small part of all cases, and nearly every list and figure is about them alone: a scan of these narrow rows
-- serves any filter and any rights, and no index on case_row has to.
-- Columns that every row has come first: a scan then finds them without a look at the others.
CREATE TABLE active_case (
    due_at       timestamptz NOT NULL,
    reported_at  timestamptz NOT NULL,
    hops         bigint NOT NULL,
    awaits_call  boolean NOT NULL,
    past         boolean NOT NULL,
    confidential boolean NOT NULL,
    ended_at     timestamptz,
    latitude     double precision,
    longitude    double precision,
    city         text COLLATE "C" NOT NULL,
    status       text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    class_code   text COLLATE "C",
    district     text COLLATE "C",
    street       text COLLATE "C",
    department   text COLLATE "C",
    community    text COLLATE "C",
    helpers      text[] COLLATE "C" NOT NULL,
    number       text COLLATE "C" NOT NULL,
    case_id      text COLLATE "C" PRIMARY KEY
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- By triggers, so that it equals case_row after every statement, whoever wrote it: also a process of an older release.
CREATE FUNCTION keep_active_cases() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM active_case
         WHERE case_id = ANY(ARRAY(SELECT case_id FROM saved WHERE ended_at IS NOT NULL AND NOT awaits_call));
    END IF;
    INSERT INTO active_case
    SELECT due_at, reported_at, hops, awaits_call, past, confidential, ended_at, latitude, longitude, city, status,
           source, class_code, district, street, department, community, helpers, number, case_id
      FROM saved
     WHERE ended_at IS NULL
        OR awaits_call
        ON CONFLICT (case_id) DO UPDATE
       SET status = EXCLUDED.status,
           source = EXCLUDED.source,
           class_code = EXCLUDED.class_code,
           district = EXCLUDED.district,
           street = EXCLUDED.street,
           community = EXCLUDED.community,
           latitude = EXCLUDED.latitude,
           longitude = EXCLUDED.longitude,
           confidential = EXCLUDED.confidential,
           department = EXCLUDED.department,
           helpers = EXCLUDED.helpers,
           hops = EXCLUDED.hops,
           awaits_call = EXCLUDED.awaits_call,
           past = EXCLUDED.past,
           reported_at = EXCLUDED.reported_at,
           ended_at = EXCLUDED.ended_at,
           due_at = EXCLUDED.due_at;
    RETURN NULL;
END $$;
CREATE FUNCTION empty_active_cases() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    TRUNCATE active_case;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_inserted AFTER INSERT ON case_row REFERENCING NEW TABLE AS saved
    FOR EACH STATEMENT EXECUTE FUNCTION keep_active_cases();
CREATE TRIGGER keep_updated AFTER UPDATE ON case_row REFERENCING NEW TABLE AS saved
    FOR EACH STATEMENT EXECUTE FUNCTION keep_active_cases();
CREATE TRIGGER keep_emptied AFTER TRUNCATE ON case_row
    FOR EACH STATEMENT EXECUTE FUNCTION empty_active_cases();

INSERT INTO active_case
SELECT due_at, reported_at, hops, awaits_call, past, confidential, ended_at, latitude, longitude, city, status,
       source, class_code, district, street, department, community, helpers, number, case_id
  FROM case_row
 WHERE ended_at IS NULL
    OR awaits_call;

-- What remains is lists by report, and numbers. A rebuild ends with statistics, without which the planner takes the tables
-- for empty.
CREATE OR REPLACE FUNCTION drop_read_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DROP INDEX IF EXISTS case_open_by_due, case_open_by_department, case_open_by_status, case_by_department, case_to_call,
                         case_by_end, case_by_report, case_by_number, active_by_report, case_words_of,
                         case_words_by_report;
END $$;
CREATE OR REPLACE FUNCTION create_read_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    CREATE INDEX IF NOT EXISTS case_by_report ON case_row (city, reported_at, case_id);
    CREATE INDEX IF NOT EXISTS case_by_number ON case_row (number);
    CREATE INDEX IF NOT EXISTS active_by_report ON active_case (city, reported_at, case_id);
    CREATE INDEX IF NOT EXISTS case_words_of ON case_words USING gin (words);
    CREATE INDEX IF NOT EXISTS case_words_by_report ON case_words (city, reported_at, case_id);
    ANALYZE case_row, report_row, case_words, active_case;
END $$;
DROP INDEX case_open_by_due, case_open_by_department, case_open_by_status, case_by_department, case_to_call, case_by_end;
SELECT create_read_indexes();

-- Words now hold facets, too: by class, place, department, source and rare ends.
INSERT INTO word_queue (case_id)
SELECT case_id
  FROM case_row
 ORDER BY reported_at DESC;
