-- Where a case lies and whence it came, for queues by place and source. `places`: /district/street/community/.
ALTER TABLE case_now ADD COLUMN source text COLLATE "C",
                     ADD COLUMN places text COLLATE "C";
