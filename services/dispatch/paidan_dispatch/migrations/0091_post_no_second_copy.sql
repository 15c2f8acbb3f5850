-- What is left of a row is what is searched, with the version and the chain of the newest event.
ALTER TABLE case_now DROP COLUMN step;
ALTER TABLE case_now RESET (toast_tuple_target);
