/**
 * Bridges: `ticket_version` is the inbox, `ticket` the newest content with its incident, `effect` what is to be done at
 * either side. Tickets are text, not jsonb: they may hold U+0000.
 *
 * Whoever locks rows of several of these tables does so in this order: bridge, poll, bridge_end, ticket by id, then what
 * belongs to these tickets. Who changes an effect holds its ticket.
 */
export const sql = `
create table bridge (
  id smallint generated always as identity primary key,
  name text not null unique,
  -- Who works at its effects: a greater number than every earlier one; what comes with an older one is refused.
  claim integer not null default 0
);

-- What changes while others hold the bridge's row.

create table bridge_end (
  bridge smallint not null references bridge (id),
  side text not null check (side in ('desk', 'sink')),
  circuit text not null default 'closed' check (circuit in ('closed', 'open', 'paused')),
  failures integer not null default 0,
  wait_until timestamptz,
  error jsonb,
  -- desk: when the last poll began that read every queue to its end; sink: when its changes were last read.
  read_at timestamptz,
  -- sink: where reading its changes goes on.
  cursor text,
  -- desk: {"from", "to"}, not read for longer than it keeps tickets.
  gap jsonb,
  primary key (bridge, side)
);

-- How many tickets and effects have each state: the sum of these, written by whoever changes one.
create table bridge_tally (
  bridge smallint not null,
  what text not null,
  state text not null,
  n bigint not null
);
create index bridge_tally_of on bridge_tally (bridge);

create table poll (
  id uuid primary key,
  bridge smallint not null references bridge (id),
  status text not null default 'running' check (status in ('running', 'succeeded', 'partial', 'failed')),
  claim integer not null default 0,
  started_at timestamptz not null,
  ended_at timestamptz,
  pages integer not null default 0,
  received bigint not null default 0,
  stored bigint not null default 0,
  unchanged bigint not null default 0,
  unreadable_count bigint not null default 0,
  unreadable jsonb not null default '[]',
  acknowledged bigint not null default 0,
  refused jsonb not null default '[]',
  errors jsonb not null default '[]',
  constraint received_adds_up check (received = stored + unchanged + unreadable_count),
  constraint ended_or_running check ((ended_at is null) = (status = 'running'))
);
create unique index poll_running on poll (bridge) where status = 'running';
create index poll_by_time on poll (bridge, started_at desc, id);

create table ticket (
  bridge smallint not null references bridge (id),
  id text not null,
  raw text not null,
  hash text not null,
  status text,
  title text,
  updated_at timestamptz,
  -- The poll that brought the content.
  poll uuid,
  state text not null default 'pending' check (state in
    ('pending', 'creating', 'open', 'closing', 'closed', 'skipped', 'tombstone', 'error')),
  reason text,
  revision integer not null default 1,
  planned_revision integer not null default 0,
  planned_closed boolean,
  incident_id text,
  incident_url text,
  incident_status text check (incident_status in ('open', 'closed', 'deleted')),
  closed_by text check (closed_by in ('ticket', 'incident')),
  memory text not null default '{}',
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  changed_at timestamptz not null,
  -- The effect that is under way.
  inflight bigint,
  -- Something is to be planned or done then; null: nothing.
  due_at timestamptz,
  -- Counts what came of it from outside of the work at it: whoever works at it then looks again before it comes to rest.
  stirred integer not null default 0,
  primary key (bridge, id)
) with (fillfactor = 70);
create index ticket_due on ticket (bridge, due_at, id) where due_at is not null;
create index ticket_by_state on ticket (bridge, state, first_seen_at desc, id desc);
create index ticket_by_incident on ticket (bridge, incident_id) where incident_id is not null;
create index ticket_by_poll on ticket (poll);
create index ticket_by_seen on ticket (bridge, last_seen_at, id) where incident_status = 'open';

create table ticket_version (
  bridge smallint not null,
  ticket text not null,
  version text not null,
  received_at timestamptz not null,
  status text,
  updated_at timestamptz,
  acknowledged_at timestamptz,
  ack_code text,
  -- It came after a newer state of the ticket.
  outdated boolean not null default false,
  -- In which they came.
  position bigint generated always as identity,
  primary key (bridge, ticket, version),
  foreign key (bridge, ticket) references ticket (bridge, id)
);
create index ticket_version_waiting on ticket_version (bridge, ticket) where acknowledged_at is null;
create index ticket_version_acknowledged on ticket_version (acknowledged_at) where acknowledged_at is not null;

create table effect (
  id bigint generated always as identity primary key,
  bridge smallint not null,
  ticket text not null,
  kind text not null check (kind in
    ('create', 'note', 'attachment', 'patch', 'close', 'reopen', 'ctp_close', 'ctp_worklog', 'ctp_update')),
  key text not null,
  payload text not null,
  state text not null default 'pending' check (state in
    ('pending', 'inflight', 'ambiguous', 'failed', 'done', 'dead', 'skipped')),
  attempts integer not null default 0,
  probes integer not null default 0,
  due_at timestamptz not null,
  ambiguous_since timestamptz,
  reference text,
  error text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (bridge, ticket, kind, key),
  foreign key (bridge, ticket) references ticket (bridge, id)
) with (fillfactor = 70);
create index effect_open on effect (bridge, ticket, id) where state not in ('done', 'skipped');
create index effect_by_state on effect (bridge, state, id) where state <> 'done';

create table ticket_event (
  id bigint generated always as identity primary key,
  bridge smallint not null,
  ticket text not null,
  at timestamptz not null,
  kind text not null,
  detail text not null
);
create index ticket_event_by_ticket on ticket_event (bridge, ticket, id);
create index ticket_event_by_time on ticket_event (at);
`
