-- The release before wrote them.
ALTER TABLE case_row DROP city_version, DROP channel, DROP reopened, DROP held, DROP rating;
