-- Tasks, their attempts, the outbox and the dead letters.
-- depends:

CREATE TABLE IF NOT EXISTS tasks (
  id CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  tenant VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  phase VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NULL,
  reason VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NULL,
  message VARCHAR(1000) NULL,
  agent VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  model VARCHAR(100) NULL,
  prompt MEDIUMTEXT NOT NULL,
  source TEXT NOT NULL,
  labels TEXT NOT NULL,
  timeout_s INT NOT NULL,
  max_steps INT NOT NULL,
  drop_name VARCHAR(200) NULL,
  attempt INT NOT NULL DEFAULT 1,
  version INT NOT NULL DEFAULT 1,
  idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL,
  key_expires_at DATETIME(3) NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  result MEDIUMTEXT NOT NULL,
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  started_at DATETIME(3) NULL,
  finished_at DATETIME(3) NULL,
  UNIQUE KEY by_idempotency_key (tenant, idempotency_key),
  KEY by_tenant (tenant, id),
  KEY by_tenant_status (tenant, status, id),
  KEY by_status (status, id),
  KEY by_key_expiry (key_expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS attempts (
  task_id CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number INT NOT NULL,
  job_uid VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  claimed_at DATETIME(3) NOT NULL,
  start_by DATETIME(3) NOT NULL,
  end_by DATETIME(3) NOT NULL,
  ended_at DATETIME(3) NULL,
  status VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NULL,
  reason VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NULL,
  message VARCHAR(1000) NULL,
  PRIMARY KEY (task_id, number),
  KEY by_open (ended_at, task_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS outbox (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  kind VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  task_id CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempt INT NOT NULL,
  payload MEDIUMTEXT NOT NULL,
  tries INT NOT NULL DEFAULT 0,
  created_at DATETIME(3) NOT NULL,
  next_try_at DATETIME(3) NOT NULL,
  UNIQUE KEY by_effect (task_id, attempt, kind),
  KEY by_due (next_try_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS dead_letters (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  source VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  position VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cause VARCHAR(500) NOT NULL,
  payload MEDIUMTEXT NOT NULL,
  seen INT NOT NULL DEFAULT 1,
  first_at DATETIME(3) NOT NULL,
  last_at DATETIME(3) NOT NULL,
  UNIQUE KEY by_position (source, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
