-- New events of more than 2 kB are stored compressed, within their row; a server built without lz4 stores them as before.
-- The chain is over the bytes as published, which is what every read returns.
DO $$
BEGIN
    ALTER TABLE history ALTER COLUMN event SET COMPRESSION lz4;
    ALTER TABLE history ALTER COLUMN event SET STORAGE MAIN;
    ALTER TABLE history RESET (toast_tuple_target);
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this PostgreSQL has no lz4: history is not compressed';
END
$$;
