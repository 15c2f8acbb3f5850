-- Fails the statement that calls it, unless as many lanes were advanced as should have been.
CREATE FUNCTION require_lanes(advanced bigint, expected integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF advanced <> expected THEN
        RAISE EXCEPTION '% of % lanes are where they were left', advanced, expected USING ERRCODE = 'PDLM1';
    END IF;
END $$;
