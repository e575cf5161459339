/**
 * What reading needs beside the tables themselves. All of it is derived from `indicator.body` or kept by `restore`:
 * nobody who writes indicators has to know of it.
 */
export const sql = `
-- Files by the hashes that are not their value. In the JSON of a body no text can hold "md5":" but the member itself:
-- quotation marks inside of texts are escaped. 7: file.
create index indicator_by_md5 on indicator
  using hash (substr(body, nullif(strpos(body, '"md5":"'), 0) + 7, 32)) where type = 7 and length(value) > 32;
create index indicator_by_sha1 on indicator
  using hash (substr(body, nullif(strpos(body, '"sha1":"'), 0) + 8, 40)) where type = 7 and length(value) > 40;

-- The id of a custom type's value needs the name of the type, which a look-up does not know. 0: custom.
create index indicator_by_custom_value on indicator using hash (value) where type = 0;

-- For filters that let little through, which would read the whole table for one page.
create index indicator_by_words on indicator using gin (tags, owners, sources);
create index indicator_by_modified on indicator (last_modified);

-- Positions of the change log are told with the epoch that they belong to; restoring a backup begins a new one.
-- seq: the position at which it began.
create table epoch (
  number integer generated always as identity primary key,
  id uuid not null default gen_random_uuid(),
  seq bigint not null
);
insert into epoch (seq) values (0);
`
