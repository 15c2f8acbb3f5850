-- Looks at personal data stay on record: no row is changed or deleted, and a change by force breaks the chain.
CALL chain_table('vault_reading', 'reading_id');

CREATE TRIGGER vault_reading_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON vault_reading
    FOR EACH STATEMENT EXECUTE FUNCTION log_only_grows();
