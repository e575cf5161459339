/** For outcomes that are written twice: which claiming of a delivery each of them belongs to. */
export const sql = `
-- How often the delivery was taken in hand under its row. With sent_revision it names one claiming: a row that is made
-- anew is of a later revision.
alter table delivery_waiting add column taken integer not null default 0;
`
