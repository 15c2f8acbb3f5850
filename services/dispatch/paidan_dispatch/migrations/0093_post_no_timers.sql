-- Clocks have no rows of their own any more.
DROP TABLE timer;
