-- What else cases are listed by, and of few cases each. Of those that are stored already it is known from their next step on,
-- or once the read model is rebuilt.
ALTER TABLE case_row ADD asks boolean NOT NULL DEFAULT false,
                     ADD marks text[] COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE active_case ADD marks text[] COLLATE "C" NOT NULL DEFAULT '{}';
CREATE TYPE incoming_marked_case AS (
    case_id      text COLLATE "C",
    version      bigint,
    number       text COLLATE "C",
    city         text COLLATE "C",
    status       text COLLATE "C",
    source       text COLLATE "C",
    class_code   text COLLATE "C",
    row_id       text COLLATE "C",
    district     text COLLATE "C",
    street       text COLLATE "C",
    community    text COLLATE "C",
    grid         text COLLATE "C",
    address      text,
    latitude     double precision,
    longitude    double precision,
    text         text,
    more_text    text,
    text_digest  bigint,
    confidential boolean,
    department   text COLLATE "C",
    helpers      text[] COLLATE "C",
    reports      bigint,
    round        bigint,
    hops         bigint,
    urged        bigint,
    awaits_call  boolean,
    past         boolean,
    reported_at  timestamptz,
    ended_at     timestamptz,
    due_kind     text COLLATE "C",
    due_at       timestamptz,
    asks         boolean,
    marks        text[] COLLATE "C",
    -- Joined by spaces; null where they are as before.
    words        text
);

CREATE OR REPLACE FUNCTION keep_active_cases() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM active_case
         WHERE case_id = ANY(ARRAY(SELECT case_id FROM saved WHERE ended_at IS NOT NULL AND NOT awaits_call));
    END IF;
    INSERT INTO active_case (due_at, reported_at, hops, awaits_call, past, confidential, ended_at, latitude, longitude,
           city, status, source, class_code, district, street, department, community, helpers, number, case_id, marks)
    SELECT due_at, reported_at, hops, awaits_call, past, confidential, ended_at, latitude, longitude, city, status,
           source, class_code, district, street, department, community, helpers, number, case_id, marks
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
           due_at = EXCLUDED.due_at,
           marks = EXCLUDED.marks;
    RETURN NULL;
END $$;

-- A request may wait for its decision after the case has ended, when no active row holds it.
CREATE OR REPLACE FUNCTION drop_read_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DROP INDEX IF EXISTS case_by_report, case_by_number, case_that_asks, active_by_report, case_words_of,
                         case_words_by_report;
END $$;
CREATE OR REPLACE FUNCTION create_read_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    CREATE INDEX IF NOT EXISTS case_by_report ON case_row (city, reported_at, case_id);
    CREATE INDEX IF NOT EXISTS case_by_number ON case_row (number);
    CREATE INDEX IF NOT EXISTS case_that_asks ON case_row (city, reported_at, case_id) WHERE asks;
    CREATE INDEX IF NOT EXISTS active_by_report ON active_case (city, reported_at, case_id);
    CREATE INDEX IF NOT EXISTS case_words_of ON case_words USING gin (words);
    CREATE INDEX IF NOT EXISTS case_words_by_report ON case_words (city, reported_at, case_id);
    ANALYZE case_row, report_row, case_words, active_case;
END $$;
CREATE INDEX IF NOT EXISTS case_that_asks ON case_row (city, reported_at, case_id) WHERE asks;
