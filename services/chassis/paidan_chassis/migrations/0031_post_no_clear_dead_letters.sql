-- Bytes from outside lie nowhere in the clear. What was set aside before it could be sealed is in its topic alone.
ALTER TABLE dead_letter
    DROP COLUMN key,
    DROP COLUMN value,
    DROP COLUMN header_names,
    DROP COLUMN header_values;
