-- A log of which no row may be changed without a trace: each holds the SHA-256 of the one before it and of its own content.
-- Content is every column that is not null, so that a column may be added; a default for older rows may not.
CREATE FUNCTION chain_row() RETURNS trigger LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    before record;
BEGIN
    -- One at a time: ids of concurrent rows do not tell which came first.
    PERFORM pg_advisory_xact_lock(hashtextextended('paidan chain of ' || TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, 0));
    EXECUTE format('SELECT chain_number, chain FROM %I.%I ORDER BY chain_number DESC LIMIT 1', TG_TABLE_SCHEMA, TG_TABLE_NAME)
       INTO before;
    NEW.chain_number := coalesce(before.chain_number, 0) + 1;
    NEW.chain := sha256(coalesce(before.chain, decode(repeat('00', 32), 'hex'))
                        || convert_to(jsonb_strip_nulls(to_jsonb(NEW) - 'chain')::text, 'UTF8'));
    RETURN NEW;
END
$$;

CREATE FUNCTION log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this log is only ever added to' USING ERRCODE = 'restrict_violation';
END
$$;

-- Gives a table its chain, over the rows that it holds already, too.
CREATE PROCEDURE chain_table(table_name text, order_column text) LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    id bigint;
BEGIN
    EXECUTE format('ALTER TABLE %I ADD COLUMN chain_number bigint, ADD COLUMN chain bytea, DISABLE TRIGGER USER', table_name);
    FOR id IN EXECUTE format('SELECT %I FROM %I ORDER BY 1', order_column, table_name) LOOP
        EXECUTE format(
            'UPDATE %1$I SET chain_number = coalesce((SELECT max(chain_number) FROM %1$I), 0) + 1 WHERE %2$I = $1',
            table_name, order_column) USING id;
        EXECUTE format(
            'UPDATE %1$I AS own SET chain = sha256(coalesce('
            '       (SELECT chain FROM %1$I WHERE chain_number = own.chain_number - 1), decode(repeat(''00'', 32), ''hex''))'
            '    || convert_to(jsonb_strip_nulls(to_jsonb(own) - ''chain'')::text, ''UTF8'')) WHERE %2$I = $1',
            table_name, order_column) USING id;
    END LOOP;
    EXECUTE format(
        'ALTER TABLE %I ENABLE TRIGGER USER, ALTER COLUMN chain_number SET NOT NULL, ALTER COLUMN chain SET NOT NULL,'
        ' ADD UNIQUE (chain_number)', table_name);
    EXECUTE format(
        'CREATE TRIGGER chain_row BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION chain_row()', table_name);
END
$$;

CALL chain_table('access_log', 'id');
