/** For versions of STIX objects that no collection holds any more: found without looking at those that are held. */
export const sql = `
-- Versions that a collection let go, and when: another one may still hold them. Not in it: those that never were let go.
create table stix_object_left (
  id uuid not null,
  hash uuid not null,
  left_at timestamptz not null,
  primary key (id, hash)
);
create index stix_object_left_by_time on stix_object_left (left_at);

-- Also of a version that is there already: who looks at it at the same moment must see that it changed.
create function publication_left() returns trigger language plpgsql as $$
begin
  insert into stix_object_left (id, hash, left_at)
  select distinct object, hash, now() from was order by object, hash
  on conflict (id, hash) do update set left_at = excluded.left_at;
  return null;
end
$$;
create trigger publication_replaced after update on publication
  referencing old table as was for each statement execute function publication_left();
create trigger publication_removed after delete on publication
  referencing old table as was for each statement execute function publication_left();

insert into stix_object_left (id, hash, left_at)
select id, hash, now() from stix_object o
where not exists (select from publication p where p.object = o.id and p.hash = o.hash);
`
