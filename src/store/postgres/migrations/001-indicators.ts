/**
 * Sources, fetches, records, indicators and the change log.
 *
 * `indicator` holds the current version of every (type, value), with the position in the change log at which it came
 * to be; `change` holds the versions that it replaced, and the removals. Both together are the whole log. New
 * indicators, most of all rows, are thus written once.
 */
export const sql = `
create table source (
  id smallint generated always as identity primary key,
  name text not null unique,
  cursor text,
  fetched boolean not null default false
);

create table run (
  id uuid primary key,
  source smallint not null references source (id),
  status text not null default 'running' check (status in ('running', 'succeeded', 'partial', 'failed')),
  claim integer not null default 0,
  started_at timestamptz not null,
  ended_at timestamptz,
  received bigint not null default 0,
  stored bigint not null default 0,
  updated bigint not null default 0,
  unchanged bigint not null default 0,
  removed bigint not null default 0,
  excluded bigint not null default 0,
  unreadable bigint not null default 0,
  pages bigint not null default 0,
  requests bigint not null default 0,
  expected bigint,
  errors jsonb not null default '[]',
  constraint receipt_adds_up check (received = stored + updated + unchanged + excluded + unreadable)
);
create unique index run_under_way on run (source) where status = 'running';
create index run_by_start on run (source, started_at desc, id);

create table unreadable (
  run uuid not null references run (id) on delete cascade,
  position bigint generated always as identity,
  remote_id text not null,
  reason text not null,
  primary key (run, position)
);

-- One remote record. body: the observation as JSON, raw record included, deflated (see dictionary.ts).
create table observation (
  source smallint not null,
  part smallint not null,
  remote_id bigint not null,
  key uuid not null,
  owner text,
  hash bytea not null,
  expires_at timestamptz,
  dictionary smallint not null,
  body bytea not null,
  primary key (source, part, remote_id)
);
create index observation_by_key on observation (key);
create index observation_by_expiry on observation (expires_at) where expires_at is not null;

-- key: the UUID of the indicator's id. body: the indicator as JSON without raw, as it is served.
-- rank: best first by score, ThreatAssess score, lastModified, in one number. tlp: 0 none, 1 clear … 5 red.
create table indicator (
  key uuid primary key,
  seq bigint not null,
  added_seq bigint not null,
  added_at timestamptz not null,
  changed_at timestamptz not null,
  type smallint not null,
  custom_type text,
  value text not null,
  score smallint not null,
  confidence real,
  threat_assess_score real,
  tlp smallint not null,
  active boolean not null,
  tags text[] not null,
  owners text[] not null,
  sources smallint[] not null,
  last_modified timestamptz,
  expires_at timestamptz,
  rank bigint not null,
  body text not null
);
create index indicator_by_seq on indicator (seq);
create index indicator_by_type on indicator (type, key);

-- Versions that were replaced, and removals, kept for 30 days. op: 0 add, 1 update, 2 remove.
create table change (
  seq bigint primary key,
  key uuid not null,
  op smallint not null,
  at timestamptz not null,
  added_at timestamptz not null,
  body text not null
);
create index change_by_key on change (key, seq);
create index change_by_time on change (at);

-- Its row lock, taken late in each transaction, makes commit order and seq order the same: no reader skips a late
-- commit. horizon: changes up to it have been pruned.
create table clock (
  id boolean primary key default true check (id),
  seq bigint not null default 0,
  horizon bigint not null default 0
);
insert into clock default values;
`
