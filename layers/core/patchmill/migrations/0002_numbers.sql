-- What the console and the metrics show: a task's trace and origin, its events, and numbers that move with the tasks.
-- depends: 0001_tasks

-- MySQL has no ADD COLUMN IF NOT EXISTS. One statement for all columns: either all are there, or none.
SET @patchmill_ddl = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'tasks' AND column_name = 'canary') = 0,
  'ALTER TABLE tasks
     ADD COLUMN trace_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
     ADD COLUMN parent_span_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
     ADD COLUMN retry_of CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NULL,
     ADD COLUMN canary TINYINT NOT NULL DEFAULT 0',
  'DO 0'
);
PREPARE patchmill_ddl FROM @patchmill_ddl;
EXECUTE patchmill_ddl;
DEALLOCATE PREPARE patchmill_ddl;

CREATE TABLE IF NOT EXISTS task_events (
  task_id CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempt INT NOT NULL,
  kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at DATETIME(3) NOT NULL,
  PRIMARY KEY (task_id, attempt, kind)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Totals stand at the minute 2000-01-01 00:00, sums of a minute at that minute: one statement moves both. Labels are
-- written as in a query string, by name. Up to eight shards of a row, so that many at once do not wait for one another.
CREATE TABLE IF NOT EXISTS counters (
  minute DATETIME NOT NULL,
  name VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  labels VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  shard TINYINT NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (minute, name, labels, shard)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- An installation that has tasks already begins with their numbers. Run again, these change nothing.
INSERT IGNORE INTO counters (minute, name, labels, shard, value)
  SELECT '2000-01-01', 'tasks_queued', '', 0, COUNT(*) FROM tasks WHERE status = 'QUEUED';
INSERT IGNORE INTO counters (minute, name, labels, shard, value)
  SELECT '2000-01-01', 'tasks_running', '', 0, COUNT(*) FROM tasks WHERE status = 'PROCESSING';
INSERT IGNORE INTO counters (minute, name, labels, shard, value)
  SELECT '2000-01-01', 'tasks_submitted_total', CONCAT('agent=', kind_of_agent, '&source=', kind_of_source), 0, COUNT(*)
    FROM (SELECT IF(agent IN ('mini', 'command'), agent, 'other') AS kind_of_agent,
                 CASE WHEN source LIKE '{"kind": "git"%' THEN 'git' WHEN source LIKE '{"kind": "drop"%' THEN 'drop'
                      ELSE 'upload' END AS kind_of_source FROM tasks) AS known
    GROUP BY kind_of_agent, kind_of_source;
INSERT IGNORE INTO counters (minute, name, labels, shard, value)
  SELECT '2000-01-01', 'tasks_ended_total',
         CONCAT('agent=', kind_of_agent, '&reason=', COALESCE(reason, ''), '&status=', status), 0, COUNT(*)
    FROM (SELECT IF(agent IN ('mini', 'command'), agent, 'other') AS kind_of_agent, reason, status FROM tasks
           WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED')) AS known
    GROUP BY kind_of_agent, reason, status;
INSERT IGNORE INTO counters (minute, name, labels, shard, value)
  SELECT '2000-01-01', 'attempts_total', CONCAT('outcome=', outcome), 0, COUNT(*)
    FROM (SELECT IF(t.attempt > a.number, 'LOST', a.status) AS outcome FROM attempts a JOIN tasks t ON t.id = a.task_id
           WHERE a.ended_at IS NOT NULL) AS known
    GROUP BY outcome;
INSERT IGNORE INTO counters (minute, name, labels, shard, value)
  SELECT '2000-01-01', 'dead_letters_total', '', 0, COUNT(*) FROM dead_letters;
