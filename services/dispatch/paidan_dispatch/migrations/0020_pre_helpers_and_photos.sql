-- Who helps with an open case, besides the department in case_now: what GET /v1/orders asks for. Few cases have any.
CREATE TABLE helper (
    department text COLLATE "C" NOT NULL,
    case_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (department, case_id)
);

CREATE INDEX helper_case ON helper (case_id);

-- Photos that were stored as proof for a case, and whether one has proved something in it. Judged within a lane.
CREATE TABLE photo (
    lane      integer NOT NULL,
    ref       text COLLATE "C" NOT NULL,
    case_id   text COLLATE "C" NOT NULL,
    holder    text COLLATE "C" NOT NULL,
    stored_at timestamptz NOT NULL,
    used      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (ref, case_id, holder, lane)
);
