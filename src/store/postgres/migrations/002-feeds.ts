/** What each feed holds, its last good bytes, and what TAXII has published of it. */
export const sql = `
create table feed (
  id smallint generated always as identity primary key,
  name text not null unique,
  -- Hash of filter and limit: another one starts a new list.
  definition text not null default '',
  -- Position of the change log up to which feed_member is right.
  seq bigint not null default 0,
  -- Highest position of feed_member: a snapshot of it or of a later position shows the list as it is.
  changed_seq bigint not null default 0,
  -- The list that the shrink guard compares with: as of the last time that no fetch was under way.
  base_seq bigint not null default 0,
  base_entries bigint not null default 0,
  entries bigint not null default 0,
  -- Entries that the limit left out.
  truncated bigint not null default 0,
  changed_at timestamptz,
  -- Why the last good list is held, and since when.
  held jsonb
);

-- What is in a feed, or was (present = false). seq: the position at which it came, changed or left; entered: at which
-- it last came. place, type, value: of its indicator as of then, so that a list of values is read without a join or a
-- sort; place: indicator.rank below zero, so that the best come first. No foreign key: checking one for each row took a
-- fifth of filling a feed. Who deletes a feed deletes its members (feeds.ts).
create table feed_member (
  feed smallint not null,
  key uuid not null,
  seq bigint not null,
  entered bigint not null,
  place bigint not null,
  type smallint not null,
  present boolean not null,
  value text not null,
  primary key (feed, key)
);
create index feed_member_by_seq on feed_member (feed, seq, key);
create index feed_member_by_place on feed_member (feed, place, key) where present;

-- Size over time, for the dashboard: a row for each minute in which it changed.
create table feed_size (
  feed smallint not null references feed (id) on delete cascade,
  at timestamptz not null,
  entries bigint not null,
  primary key (feed, at)
);

-- The last good bytes of a feed in one format, profile and set of arguments. Its row lock lets one process build; body
-- is null until one has.
create table feed_snapshot (
  id bigint generated always as identity primary key,
  feed smallint not null references feed (id) on delete cascade,
  variant text not null,
  body bigint,
  seq bigint not null default -1,
  digest text not null default '',
  generated_at timestamptz not null,
  -- When the content last became another one.
  modified_at timestamptz not null,
  used_at timestamptz not null,
  entries bigint not null default 0,
  dropped bigint not null default 0,
  truncated bigint not null default 0,
  -- Bytes of each encoding: {"identity": 1, "gzip": 2, "br": 3}.
  sizes jsonb not null default '{}',
  unique (feed, variant)
);

-- Bytes outlive the snapshot that they were made for by some minutes: whoever reads them piece by piece never gets
-- pieces of two lists.
create table feed_body (
  id bigint generated always as identity primary key,
  snapshot bigint not null references feed_snapshot (id) on delete cascade,
  replaced_at timestamptz
);
create index feed_body_by_snapshot on feed_body (snapshot);

create table feed_body_chunk (
  body bigint not null references feed_body (id) on delete cascade,
  encoding text not null,
  position integer not null,
  bytes bytea not null,
  primary key (body, encoding, position)
);
alter table feed_body_chunk alter column bytes set storage external;
`
