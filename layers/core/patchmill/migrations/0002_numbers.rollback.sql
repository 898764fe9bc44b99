DROP TABLE IF EXISTS counters;
DROP TABLE IF EXISTS task_events;
ALTER TABLE tasks DROP COLUMN trace_id, DROP COLUMN parent_span_id, DROP COLUMN retry_of, DROP COLUMN canary;
