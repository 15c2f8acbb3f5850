-- Schema cities: the one clock of an installation that plays a day. Empty in production.
CREATE TABLE clock (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    anchor_real timestamptz NOT NULL,
    anchor_city timestamptz NOT NULL,
    factor      double precision NOT NULL CHECK (factor >= 1),
    fast_until  timestamptz NOT NULL CHECK (fast_until >= anchor_city)
);

-- What has been lived stays lived, whoever writes the row. Seconds, since an interval's days depend on a time zone.
CREATE FUNCTION clock_never_set_back() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    passed double precision := greatest(extract(epoch FROM NEW.anchor_real - OLD.anchor_real), 0);
    fast   double precision := least(passed, extract(epoch FROM OLD.fast_until - OLD.anchor_city) / OLD.factor);
    lived  timestamptz := OLD.anchor_city + make_interval(secs => fast * OLD.factor + (passed - fast));
BEGIN
    IF NEW.anchor_city < lived - interval '1 millisecond' THEN
        RAISE EXCEPTION 'the city''s time is % already, it cannot become %', lived, NEW.anchor_city
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER clock_never_set_back BEFORE UPDATE ON clock
    FOR EACH ROW EXECUTE FUNCTION clock_never_set_back();
