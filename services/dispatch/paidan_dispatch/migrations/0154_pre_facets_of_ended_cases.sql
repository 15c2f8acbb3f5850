-- Who answers for a case beside its department: ` leader=post office=id unit=id `, as far as any are named; null: nobody.
ALTER TABLE case_now ADD COLUMN answerable text COLLATE "C";

-- By what an ended case is found, beside its time: source, class and the beginning of it that posts are bounded by,
-- department, places, who answers, and the ends that are rare. No value has a space.
CREATE FUNCTION case_facets(
    source text, class_code text, department text, places text, answerable text, status text
) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_to_array('source=' || coalesce(source, '')
                           || ' class=' || coalesce(class_code, '')
                           || ' class=' || left(coalesce(class_code, ''), 1) || '*'
                           || ' department=' || coalesce(department, '')
                           || replace(rtrim(coalesce(places, ''), '/'), '/', ' place=')
                           || rtrim(coalesce(answerable, ''))
                           || CASE WHEN status = 'closed' THEN '' ELSE ' status=' || status END, ' ')
$$;

-- Two filters that are rare together are found by the intersection of their lists; what is common, by the index by time.
-- An open case has no entry, so that opening and dispatching write nothing here.
CREATE INDEX case_now_ended_facets
    ON case_now USING gin (case_facets(source, class_code, department, places, answerable, status))
 WHERE ended_at IS NOT NULL;
