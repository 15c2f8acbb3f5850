-- As in every service that can be rebuilt: targets by topic. The default is for a release that writes none.
ALTER TABLE rebuild
    ADD COLUMN topic text NOT NULL DEFAULT 'paidan.cases',
    DROP CONSTRAINT rebuild_pkey,
    ADD PRIMARY KEY (topic, partition);
