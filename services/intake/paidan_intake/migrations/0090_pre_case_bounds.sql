-- Of which class a case is and where it lies, by which a post of some classes or places may read its reports and photos.
-- Null in places: not known yet, for the case has had no step since. An empty list: the case lies nowhere.
ALTER TABLE standing
    ADD COLUMN class_code text,
    ADD COLUMN places     text[];
