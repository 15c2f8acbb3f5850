-- The last serial that numbered a case, by area and local day, as the partition's own log gave them out.
CREATE TABLE case_serial (
    lane integer NOT NULL,
    area text COLLATE "C" NOT NULL,
    day  date NOT NULL,
    last integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (lane, area, day)
);

-- A case's number by its city's pattern; null: its city gives none. It never changes, so that steps stay HOT updates.
ALTER TABLE case_now ADD COLUMN number text COLLATE "C";
CREATE INDEX case_now_number ON case_now (number) WHERE number IS NOT NULL;
