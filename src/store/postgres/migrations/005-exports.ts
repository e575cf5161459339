/**
 * What goes to products. `delivery` is the ledger: what each destination is to have of each indicator, and what it has
 * as far as its answers told. `export_item` is the receipt of each push, forward and eviction.
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
  error jsonb,
  -- Position of the change log up to which changes were forwarded.
  forward_seq bigint not null default 0,
  -- Why a forward's removals are held, and whether they may pass, this once.
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
  options jsonb not null default '{}',
  created_at timestamptz not null,
  ended_at timestamptz,
  -- Whether anything of it was tried.
  tried boolean not null default false,
  total bigint not null default 0,
  pending bigint not null default 0,
  accepted bigint not null default 0,
  unchanged bigint not null default 0,
  rejected bigint not null default 0,
  skipped bigint not null default 0,
  dead bigint not null default 0,
  constraint counts_add_up
    check (total = pending + accepted + unchanged + rejected + skipped + dead and pending >= 0)
);
create index export_by_time on export (created_at desc, id);
create index export_by_exporter on export (exporter, created_at desc, id);
create index export_ended on export (ended_at) where ended_at is not null;

-- What is wanted: action, options, body (the indicator as JSON without raw), rank, as of revision.
-- What the product has: have (hash of the exporter's content; null: nothing of ours), remote_id, vendor, have_until.
create table delivery (
  id bigint generated always as identity primary key,
  exporter smallint not null references exporter (id),
  -- The UUID of the indicator's id; source: that the product stores it under.
  key uuid not null,
  source text not null,
  action text not null,
  options jsonb not null,
  body text not null,
  rank bigint not null,
  revision integer not null default 1,
  -- The forward wants it: it leaves the product when it leaves the forward's filter.
  forwarded boolean not null default false,
  -- settled: nothing to do until something else is wanted.
  state text not null default 'pending' check (state in ('pending', 'inflight', 'settled')),
  status text not null default 'pending'
    check (status in ('pending', 'accepted', 'unchanged', 'rejected', 'skipped', 'dead', 'evicted')),
  due_at timestamptz not null,
  queued_at timestamptz not null,
  attempts integer not null default 0,
  tried_at timestamptz,
  -- A try may have been carried out without our knowing.
  unsure boolean not null default false,
  -- Times that it was sent again for that reason.
  repeats integer not null default 0,
  reason text,
  -- Skipped since the product has room for so many only: queued again once there is room.
  no_room boolean not null default false,
  -- Revision under way.
  sent_revision integer,
  have text,
  have_rank bigint,
  have_until timestamptz,
  remote_id text,
  vendor jsonb,
  unique (exporter, key, source)
);
create index delivery_due on delivery (exporter, due_at) where state = 'pending';
create index delivery_inflight on delivery (exporter) where state = 'inflight';
create index delivery_by_status on delivery (exporter, status);
create index delivery_forwarded on delivery (exporter, key) where forwarded;
create index delivery_without_room on delivery (exporter, rank desc) where no_room;
-- Weakest first, for products with room for so many.
create index delivery_by_rank on delivery (exporter, have_rank) where have is not null;

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
);
create index export_item_waiting on export_item (delivery) where status = 'pending';
create index export_item_by_delivery on export_item (delivery) where delivery is not null;

create table idempotency (
  api_key text not null,
  exporter smallint not null references exporter (id),
  key text not null,
  digest text not null,
  export uuid not null references export (id) on delete cascade,
  created_at timestamptz not null,
  primary key (api_key, exporter, key)
);
create index idempotency_by_time on idempotency (created_at);
`
