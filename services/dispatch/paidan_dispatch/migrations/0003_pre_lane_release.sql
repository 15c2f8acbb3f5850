-- The release by which a lane is decided, as its own log said. No row: its log held no mark, so it is 0.1's, release 1.
CREATE TABLE lane_release (
    lane   integer PRIMARY KEY,
    number bigint NOT NULL CHECK (number > 0)
);
