-- In which round of its case a photo first proved something; null where a release that did not count them used it.
ALTER TABLE photo ADD COLUMN used_round integer;
