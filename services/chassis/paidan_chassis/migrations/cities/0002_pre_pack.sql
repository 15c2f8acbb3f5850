-- What a city was made of under each version: its canonical bytes, named by their sha256. Never changed, never deleted.
CREATE TABLE pack (
    version      text COLLATE "C" PRIMARY KEY CHECK (version = encode(sha256(content), 'hex')),
    city         text COLLATE "C" NOT NULL,
    content      bytea NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
