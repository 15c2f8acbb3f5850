-- Every report that joined a case, as the case holds it, from number 2 on: the one that opened it stands in the case's
-- state. What is in the vault is not here.
CREATE TABLE case_report (
    case_id   text COLLATE "C" NOT NULL,
    number    integer NOT NULL CHECK (number > 1),
    report_id uuid NOT NULL,
    source    text COLLATE "C" NOT NULL,
    report    bytea NOT NULL,
    PRIMARY KEY (case_id, number)
);

-- Reports that a rule of the city's pack noted: answered, and no case.
CREATE TABLE noted_report (
    report_id    uuid PRIMARY KEY,
    lane         integer NOT NULL,
    city         text COLLATE "C" NOT NULL,
    area         text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    rule         text COLLATE "C" NOT NULL,
    city_version text COLLATE "C" NOT NULL,
    recorded_at  timestamptz NOT NULL,
    report       bytea NOT NULL,
    answer       text,
    answered_at  timestamptz
);

CREATE INDEX noted_report_city ON noted_report (city, recorded_at, report_id);
CREATE INDEX noted_report_unanswered ON noted_report (city, recorded_at, report_id) WHERE answered_at IS NULL;

-- Machines and reports without a person are nobody's to call back.
UPDATE case_now
   SET awaits_call = false
 WHERE awaits_call
   AND (channel IN ('camera', 'sensor')
        OR convert_from(step, 'UTF8')::jsonb #>> '{state,reporter}' IS NULL);
