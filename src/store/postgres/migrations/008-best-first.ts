/** For lists that take the best of many, and for what is taken out of those that hold many. */
export const sql = `
-- The best by themselves, and how many there are in all, without reading the texts: for lists with a limit. Included is
-- what filters look at, as far as it is short.
create index indicator_by_rank on indicator (rank desc, key asc)
  include (type, score, confidence, threat_assess_score, tlp, active);

-- Those that have left, which are few, are forgotten without looking at those that are there.
create index feed_member_gone on feed_member (feed, seq) where not present;
`
