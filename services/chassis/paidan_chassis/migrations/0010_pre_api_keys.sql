-- A token is 256 random bits, so its plain SHA-256 tells nothing; only that hash is kept.
CREATE TABLE api_key (
    key_id     text PRIMARY KEY,
    hash       bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    name       text NOT NULL,
    city       text NOT NULL,
    scopes     text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);
