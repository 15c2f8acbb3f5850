-- NULL in a key of 0.1: valid until it is revoked, granted by nobody knows whom.
ALTER TABLE api_key
    ADD COLUMN expires_at   timestamptz,
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN granted_by   text;

-- What is left of a key's rate limit, from which the processes of a service lease blocks.
CREATE TABLE key_allowance (
    key_id      text PRIMARY KEY,
    tokens      double precision NOT NULL,
    leased      double precision NOT NULL,
    refilled_at timestamptz NOT NULL
);

-- Who was granted a key, who lost one, who looked at what about a person.
CREATE TABLE access_log (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind    text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    actor   text NOT NULL,
    key_id  text,
    subject text,
    detail  text
);
CREATE INDEX access_log_at ON access_log (at);

-- Refused requests, counted: a client that tries keys or cases makes one row a minute, not one a request.
CREATE TABLE refusal (
    minute  timestamptz NOT NULL,
    key_id  text NOT NULL,
    address text NOT NULL,
    route   text NOT NULL,
    status  smallint NOT NULL,
    number  bigint NOT NULL,
    PRIMARY KEY (minute, key_id, address, route, status)
);

CREATE FUNCTION access_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the access log only grows' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER access_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log
    FOR EACH STATEMENT EXECUTE FUNCTION access_log_only_grows();
