-- The newest scores of whole cities, by the highest version seen. Computed from paidan.scores.
CREATE TABLE city_score (
    score_id    uuid PRIMARY KEY,
    version     bigint NOT NULL CHECK (version >= 1),
    city        text COLLATE "C" NOT NULL,
    period      text COLLATE "C" NOT NULL,
    indicator   text COLLATE "C" NOT NULL,
    numerator   bigint NOT NULL,
    denominator bigint NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX city_score_by_period ON city_score (city, period);
