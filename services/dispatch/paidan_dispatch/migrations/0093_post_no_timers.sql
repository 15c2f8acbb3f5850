-- Clocks have no rows of their own any more.
DROP TABLE timer;
DROP FUNCTION timer_sets_next_due_at();
