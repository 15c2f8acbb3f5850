-- Which clock the installation runs on, for good: going back would set the time of its cases back. NULL: not recorded yet.
ALTER TABLE clock ADD COLUMN kind text COLLATE "C" CHECK (kind IN ('real', 'scaled'));
