/** What TAXII has published: STIX objects, each version once, and the order in which each collection got them. */
export const sql = `
-- A version of a STIX object, never changed: head || modified || tail is its JSON. hash: of both texts. key: its
-- indicator; null: an identity, a marking definition. created, created_by: the same in all versions.
create table stix_object (
  id uuid not null,
  hash uuid not null,
  type text not null,
  key uuid,
  created timestamptz,
  created_by uuid,
  head text not null,
  tail text not null,
  stored_at timestamptz not null,
  primary key (id, hash)
);
create index stix_object_by_key on stix_object (key) where key is not null;

-- added: microseconds since the epoch, unique within a collection and ascending in commit order. tlp: for readers of
-- this version of the Traffic Light Protocol; null: of each.
create table publication (
  feed smallint not null references feed (id) on delete cascade,
  object uuid not null,
  hash uuid not null,
  type text not null,
  key uuid,
  tlp smallint,
  added bigint not null,
  version text not null,
  revoked boolean not null,
  primary key (feed, object),
  foreign key (object, hash) references stix_object (id, hash)
);
create unique index publication_by_added on publication (feed, added);
create index publication_by_key on publication (feed, key);
create index publication_by_version on publication (object, hash);
-- A reader that asks for a rare type must not walk through all indicators.
create index publication_by_type on publication (feed, type, added) where type <> 'indicator';
create index publication_revoked on publication (added) where revoked;

-- seq: members of the feed up to there are published. walk_seq, walk_key: and those up to there, of the rest.
create table collection (
  feed smallint primary key references feed (id) on delete cascade,
  seq bigint not null default 0,
  walk_seq bigint not null default 0,
  walk_key uuid not null default 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  last_added bigint not null default 0
);
`
