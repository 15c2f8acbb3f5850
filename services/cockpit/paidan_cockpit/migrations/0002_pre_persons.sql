-- Persons who sign in, under opaque ids. Their names stay here: to services a person is an id, a post and scopes.
CREATE TABLE person (
    person_id   uuid PRIMARY KEY,
    name        text NOT NULL CHECK (name <> ''),
    city        text NOT NULL,
    post        text NOT NULL,
    -- Null: those of the post, as the pack of the city in force has it.
    scopes      text[] CHECK (cardinality(scopes) > 0),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by  text NOT NULL,
    disabled_at timestamptz
);

-- A sign-in link is used once, and soon. Its secret is 256 random bits; only their SHA-256 is kept.
CREATE TABLE sign_in_link (
    hash       bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    person_id  uuid NOT NULL REFERENCES person,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE TABLE session (
    hash       bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id uuid NOT NULL UNIQUE,
    person_id  uuid NOT NULL REFERENCES person,
    csrf       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz
) WITH (fillfactor = 70);
CREATE INDEX session_by_person ON session (person_id) WHERE ended_at IS NULL;

-- Who signed in, who tried to with a link that holds no more, who signed out. No names, no addresses of the link.
CREATE TABLE sign_in (
    sign_in_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind       text NOT NULL CHECK (kind IN ('signed_in', 'signed_out', 'link_refused', 'session_ended')),
    person_id  uuid,
    session_id uuid,
    address    text NOT NULL
);
