/**
 * What goes to products. `delivery` is the ledger: what each destination is to have of each indicator, and what it has
 * as far as its answers told. `export_item` is the receipt of each push, forward and eviction.
 *
 * Whoever locks rows of several of these tables does so in this order, or passes over what is locked, so that nobody
 * waits in a circle: exporter, forwarding, delivery by (key, source) in one go, then what belongs to these deliveries,
 * export by id. Only a claim takes rows of delivery_waiting without their deliveries, and waits for nothing after.
 */
export const sql = `
create table exporter (
  id smallint generated always as identity primary key,
  name text not null unique,
  -- Who works at it: a greater number than every earlier one; what comes with an older one is refused.
  claim integer not null default 0,
  circuit text not null default 'closed' check (circuit in ('closed', 'open', 'paused')),
  -- Failures of the destination since its last success.
  failures integer not null default 0,
  -- Nothing is sent before.
  wait_until timestamptz,
  -- The last failure: {"code", "cause", "remedy", "at"}.
  error jsonb
);

-- How far an exporter's forward got. seq, key: the last member of the feed that was queued, under this source.
create table forwarding (
  exporter smallint primary key references exporter (id),
  feed smallint,
  source text,
  seq bigint not null default 0,
  key uuid not null default '00000000-0000-0000-0000-000000000000',
  -- Whatever left the list up to this position was taken out; null: the whole list is to be compared.
  searched_seq bigint,
  -- feed.changed_seq of the list for which removals are held, and when that was found.
  looked_seq bigint,
  looked_at timestamptz,
  -- Why removals are held, and whether they may pass, this once.
  held jsonb,
  accept boolean not null default false
);

create table export (
  id uuid primary key,
  exporter smallint not null references exporter (id),
  origin text not null check (origin in ('push', 'forward', 'eviction')),
  action text not null check (action in ('upsert', 'remove')),
  -- Id of the API key.
  key text,
  created_at timestamptz not null,
  ended_at timestamptz,
  -- Since when it has something pending: its beginning, or when it was queued again.
  waits_since timestamptz not null,
  -- Whether anything of it was tried.
  tried boolean not null default false,
  total bigint not null default 0,
  pending bigint not null default 0,
  accepted bigint not null default 0,
  unchanged bigint not null default 0,
  rejected bigint not null default 0,
  skipped bigint not null default 0,
  dead bigint not null default 0,
  status text not null generated always as (case
    when pending > 0 and not tried and accepted + unchanged + rejected + dead = 0 then 'pending'
    when pending > 0 then 'running'
    when rejected + dead = 0 then 'succeeded'
    when accepted + unchanged > 0 then 'partial'
    else 'failed' end) stored,
  constraint counts_add_up
    check (total = pending + accepted + unchanged + rejected + skipped + dead and pending >= 0),
  constraint ended_without_pending check (ended_at is null or pending = 0)
);
create index export_by_time on export (created_at desc, id);
create index export_by_exporter on export (exporter, created_at desc, id);
create index export_waiting on export (exporter, waits_since) where pending > 0;
create index export_ended on export (ended_at) where ended_at is not null;

-- The ledger. What is wanted: action, rank and delivery_body, as of revision; type and value are the indicator's. What
-- the product has: have_rank (null: nothing of ours), have (hash of the exporter's content, '' where it is to be sent
-- whatever it is), have_at (since when), have_until, remote_id, vendor.
create table delivery (
  id bigint generated always as identity primary key,
  exporter smallint not null references exporter (id),
  -- The UUID of the indicator's id; source: that the product stores it under.
  key uuid not null,
  source text not null,
  type text not null,
  value text not null,
  action text not null check (action in ('upsert', 'remove')),
  rank bigint not null,
  -- Why it is wanted, where nobody asked for it: goes into the receipt.
  note text,
  revision integer not null default 1,
  -- No item waits for it or an earlier one.
  settled_revision integer not null default 0,
  -- The forward wants it: it leaves the product when it leaves the forward's filter.
  forwarded boolean not null default false,
  -- pending: it has a row in delivery_waiting; else what became of it. was: the status before.
  status text not null default 'pending'
    check (status in ('pending', 'accepted', 'unchanged', 'rejected', 'skipped', 'dead', 'evicted')),
  was text,
  -- A try may have been carried out without our knowing.
  unsure boolean not null default false,
  -- Left out or taken out since the product has room for so many only: queued again once there is room.
  no_room boolean not null default false,
  have text,
  have_rank bigint,
  have_at timestamptz,
  have_until timestamptz,
  remote_id text,
  vendor jsonb,
  unique (exporter, key, source),
  constraint has_content_and_rank check ((have is null) = (have_rank is null))
) with (fillfactor = 60);
create index delivery_forwarded on delivery (exporter, key) where forwarded;
create index delivery_without_room on delivery (exporter, rank desc) where no_room;
-- Weakest first, for products with room for so many.
create index delivery_by_rank on delivery (exporter, have_rank) where have_rank is not null;

-- body: the indicator as JSON without raw. Apart, since it stays as it is while the rest of its delivery changes.
create table delivery_body (
  delivery bigint primary key,
  options jsonb not null,
  body text not null
);

-- Deliveries that are to be sent. sent_revision, sent_rank: what is under way; null: it waits until due_at.
create table delivery_waiting (
  delivery bigint primary key,
  exporter smallint not null,
  action text not null,
  due_at timestamptz not null,
  attempts integer not null default 0,
  sent_revision integer,
  sent_rank bigint
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
create index delivery_due on delivery_waiting (exporter, action, due_at, delivery)
  where sent_revision is null and attempts = 0;
create index delivery_due_again on delivery_waiting (exporter, action, due_at, delivery)
  where sent_revision is null and attempts > 0;
create index delivery_under_way on delivery_waiting (exporter) where sent_revision is not null;

-- How many deliveries have each status, and how many the product has ('held'): the sum of all rows. Each transaction
-- adds its own, so that none waits for another one; now and then they are added up.
create table delivery_tally (
  exporter smallint not null,
  what text not null,
  n bigint not null
);
create index delivery_tally_by_exporter on delivery_tally (exporter);

-- delivery, revision: what it waits for; null where nothing was to be sent of it.
create table export_item (
  export uuid not null references export (id) on delete cascade,
  position bigint not null,
  type text,
  value text not null,
  delivery bigint,
  revision integer,
  status text not null check (status in ('pending', 'accepted', 'unchanged', 'rejected', 'skipped', 'dead')),
  reason text,
  remote_id text,
  attempts integer not null default 0,
  tried_at timestamptz,
  repeats integer not null default 0,
  vendor jsonb,
  primary key (export, position)
) with (fillfactor = 50);
create index export_item_by_delivery on export_item (delivery, revision) where delivery is not null;

-- No foreign key: the row is there before its export, so that whoever repeats the request waits for it.
create table idempotency (
  api_key text not null,
  exporter smallint not null references exporter (id),
  key text not null,
  digest text not null,
  export uuid not null,
  created_at timestamptz not null,
  primary key (api_key, exporter, key)
);
create index idempotency_by_time on idempotency (created_at);
`
