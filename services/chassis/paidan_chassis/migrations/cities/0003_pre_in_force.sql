-- What every partition of the inbox was last told of a city, written once all of them have it: no row, not told yet.
CREATE TABLE in_force (
    city     text COLLATE "C" PRIMARY KEY,
    version  text COLLATE "C" NOT NULL REFERENCES pack (version),
    since    timestamptz NOT NULL
);
