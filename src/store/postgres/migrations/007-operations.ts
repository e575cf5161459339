/**
 * What is kept for those who run the server: counts by the hour, the use of keys, and the audit log.
 *
 * Entries of the log are chained here and not by the program, so that whoever appends one, by whatever means, chains
 * it. The hash of an entry is SHA-256 over the 32 bytes of the hash before it (zeros before the first) and then, in
 * UTF-8, each of its members as `LENGTH:TEXT,` with the length in bytes, or `-,` for null. Their order: id, at (as in
 * 2026-01-02T03:04:05.678000Z), key, address, action, subject, status, request_id, details.
 */
export const sql = `
-- Hours of which the sources were counted. seq: position of the clock at the last count of the hour.
create table source_sample (
  at timestamptz primary key,
  seq bigint not null
);

-- As of the last count of the hour; what there is none of has no row.
create table source_history (
  source smallint not null references source (id),
  at timestamptz not null,
  type smallint not null,
  active boolean not null,
  n bigint not null,
  primary key (source, at, type, active)
);
create index source_history_by_time on source_history (at);

-- Items that ended in the hour: the sum of all rows. Each transaction adds its own, so that none waits for another
-- one; now and then they are added up.
create table item_history (
  exporter smallint not null,
  at timestamptz not null,
  status text not null check (status in ('accepted', 'unchanged', 'rejected', 'skipped', 'dead')),
  n bigint not null
);
create index item_history_by_exporter on item_history (exporter, at);
create index item_history_by_time on item_history (at);

create table key_use (
  key text primary key,
  first_at timestamptz not null,
  last_at timestamptz not null,
  address text not null,
  requests bigint not null
);

create table audit (
  id bigint primary key,
  at timestamptz not null,
  key text,
  address text not null,
  action text not null,
  subject text,
  status smallint,
  request_id text,
  details json not null,
  hash bytea not null
);
create index audit_by_time on audit (at);
create index audit_by_key on audit (key, id);
create index audit_by_action on audit (action, id);

-- The last entry. Its row lock puts the entries of concurrent transactions one after the other; that it outlives the
-- entries shows where the last of them were taken out.
create table audit_head (
  id boolean primary key default true check (id),
  entry bigint not null,
  hash bytea not null
);
insert into audit_head (entry, hash) values (0, decode(repeat('00', 32), 'hex'));

create function audit_member(value text) returns text immutable parallel safe language sql as $$
  select coalesce(octet_length(convert_to(value, 'UTF8')) || ':' || value, '-') || ','
$$;

create function audit_append() returns trigger language plpgsql as $$
declare
  head audit_head;
begin
  select * into strict head from audit_head for update;
  new.id := head.entry + 1;
  new.hash := sha256(head.hash || convert_to(
    audit_member(new.id::text)
    || audit_member(to_char(new.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    || audit_member(new.key) || audit_member(new.address) || audit_member(new.action)
    || audit_member(new.subject) || audit_member(new.status::text) || audit_member(new.request_id)
    || audit_member(new.details::text), 'UTF8'));
  update audit_head set entry = new.id, hash = new.hash;
  return new;
end
$$;

create function audit_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log can only be appended to: % of % is refused', lower(tg_op), tg_table_name
    using errcode = 'object_not_in_prerequisite_state';
end
$$;

create trigger audit_append before insert on audit for each row execute function audit_append();
create trigger audit_kept before update or delete or truncate on audit
  for each statement execute function audit_refuse();
-- Only audit_append may move it.
create trigger audit_head_kept before insert or update or delete or truncate on audit_head
  for each statement when (pg_trigger_depth() = 0) execute function audit_refuse();
-- For replicas and restores by others, too.
alter table audit enable always trigger audit_append, enable always trigger audit_kept;
alter table audit_head enable always trigger audit_head_kept;
`
