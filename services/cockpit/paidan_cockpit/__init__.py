"""Pages for people: a read model of cases, sign-in, and what may be done, through public contracts alone."""
