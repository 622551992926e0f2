-- What units delivered and the district took, of every status and date, which the other staging views leave out.
-- A tag and a task lie where their resident or whistle lies: parent_table and parent_id say which row that is.
SELECT
  'residents' AS table_name,
  resident_id AS row_id,
  grid_code,
  CAST(NULL AS VARCHAR) AS parent_table,
  CAST(NULL AS VARCHAR) AS parent_id
FROM residents
UNION ALL
SELECT
  'resident_tags' AS table_name,
  concat(resident_id, '/', tag) AS row_id,
  CAST(NULL AS VARCHAR) AS grid_code,
  'residents' AS parent_table,
  resident_id AS parent_id
FROM resident_tags
UNION ALL
SELECT
  'dwellings' AS table_name,
  dwelling_id AS row_id,
  grid_code,
  CAST(NULL AS VARCHAR) AS parent_table,
  CAST(NULL AS VARCHAR) AS parent_id
FROM dwellings
UNION ALL
SELECT
  'shops' AS table_name,
  shop_id AS row_id,
  grid_code,
  CAST(NULL AS VARCHAR) AS parent_table,
  CAST(NULL AS VARCHAR) AS parent_id
FROM shops
UNION ALL
SELECT
  'shop_checks' AS table_name,
  check_id AS row_id,
  grid_code,
  CAST(NULL AS VARCHAR) AS parent_table,
  CAST(NULL AS VARCHAR) AS parent_id
FROM shop_checks
UNION ALL
SELECT
  'visits' AS table_name,
  visit_id AS row_id,
  grid_code,
  CAST(NULL AS VARCHAR) AS parent_table,
  CAST(NULL AS VARCHAR) AS parent_id
FROM visits
UNION ALL
SELECT
  'whistles' AS table_name,
  whistle_id AS row_id,
  grid_code,
  CAST(NULL AS VARCHAR) AS parent_table,
  CAST(NULL AS VARCHAR) AS parent_id
FROM whistles
UNION ALL
SELECT
  'whistle_tasks' AS table_name,
  task_id AS row_id,
  CAST(NULL AS VARCHAR) AS grid_code,
  'whistles' AS parent_table,
  whistle_id AS parent_id
FROM whistle_tasks
