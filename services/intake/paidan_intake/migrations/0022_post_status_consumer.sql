-- Replaced by intake-status, which reads both topics from their start.
DELETE FROM lane WHERE consumer = 'intake-standing';
