-- Filters of queues that persons keep under names of their own. One of a person's may be what opens first.
CREATE TABLE saved_view (
    view_id    uuid PRIMARY KEY,
    person_id  uuid NOT NULL REFERENCES person,
    name       text NOT NULL CHECK (name <> '' AND length(name) <= 60),
    query      text NOT NULL CHECK (length(query) <= 4000),
    is_first   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (person_id, name)
);
CREATE UNIQUE INDEX saved_view_first ON saved_view (person_id) WHERE is_first;
