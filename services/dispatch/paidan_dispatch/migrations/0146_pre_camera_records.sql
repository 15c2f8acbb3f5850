-- How many of a camera's alarms were verified, and how many were not true, as the partition's own log said.
CREATE TABLE camera_record (
    lane         integer NOT NULL,
    source       text COLLATE "C" NOT NULL,
    camera       text COLLATE "C" NOT NULL,
    judged       integer NOT NULL CHECK (judged > 0),
    false_alarms integer NOT NULL CHECK (false_alarms BETWEEN 0 AND judged),
    PRIMARY KEY (lane, source, camera)
);
