-- Whom an identity provider's subject, or its verified e-mail address, is. Both are stored as keyed digests alone.
CREATE TABLE person_identity (
    digest     bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    kind       text NOT NULL CHECK (kind IN ('subject', 'email')),
    person_id  uuid NOT NULL REFERENCES person,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    UNIQUE (person_id, kind)
);

-- A sign-in that is under way at the provider: its answer is accepted once, and soon.
CREATE TABLE provider_visit (
    hash       bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    next_path  text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX provider_visit_by_end ON provider_visit (expires_at);

-- How somebody signed in, and who ended the session of somebody else.
ALTER TABLE sign_in ADD COLUMN detail text;
ALTER TABLE sign_in DROP CONSTRAINT sign_in_kind_check;
ALTER TABLE sign_in ADD CONSTRAINT sign_in_kind_check
    CHECK (kind IN ('signed_in', 'signed_out', 'link_refused', 'session_ended', 'provider_refused'));
