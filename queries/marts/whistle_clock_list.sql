-- The limit for 办结 that held on the day of the report. Its category goes before 全部, then its level, then the later
-- of two. Published figures keep to the delivered limit; this says where the rule would have set it: from its start, or
-- from the dispatch to the unit that took the whistle over after a 退单; moved by an extension and by 挂账.
-- A limit whose start lies past the as-of date has not started.
WITH taken_over AS (
  SELECT whistle_id, max(dispatched_at) AS restarted_at
  FROM whistle_task_clock
  WHERE is_taken_over AND NOT is_returned
  GROUP BY whistle_id
),
limited AS (
  SELECT
    w.*,
    o.restarted_at,
    l.amount,
    l.unit,
    l.start_event,
    l.source AS limit_source,
    coalesce(
      o.restarted_at,
      CASE l.start_event WHEN '上报' THEN w.reported_at WHEN '受理' THEN w.accepted_at WHEN '派遣' THEN w.dispatched_at END
    ) AS start_at,
    row_number() OVER (
      PARTITION BY w.whistle_id ORDER BY l.category = '全部', l.level = '全部', l.valid_from DESC
    ) AS nth
  FROM stg_whistles AS w
  LEFT JOIN taken_over AS o ON o.whistle_id = w.whistle_id
  LEFT JOIN stg_whistle_limits AS l
    ON l.step = '办结'
    AND l.category IN (w.category, '全部')
    AND l.level IN (w.level, '全部')
    AND l.valid_from <= w.reported_date
    AND w.reported_date < l.valid_to
),
started AS (
  SELECT
    * EXCEPT (start_at),
    CASE WHEN start_at < as_of_end() THEN start_at END AS start_at
  FROM limited
  WHERE nth = 1
),
ruled AS (
  SELECT
    *,
    whistle_due(start_at, amount, unit, extended_to, suspended_at, resumed_at) AS rule_due_at
  FROM started
),
compared AS (
  SELECT
    *,
    hours_between(rule_due_at, due_at) AS due_gap_hours
  FROM ruled
)
SELECT
  whistle_id,
  level,
  category,
  grid_code,
  department,
  status,
  reported_at,
  amount AS limit_amount,
  unit AS limit_unit,
  start_event AS limit_start_event,
  limit_source,
  rule_due_at,
  due_at,
  due_gap_hours,
  -- Of an extension that came without its new limit only the direction is known.
  due_gap_hours < -24
    OR (due_gap_hours > 24 AND (coalesce(extension_count, 0) = 0 OR extended_to IS NOT NULL)) AS is_due_different,
  extension_count,
  extended_to,
  suspended_at,
  resumed_at,
  restarted_at,
  CASE WHEN NOT is_void THEN whistle_elapsed_hours(start_at, closed_at, suspended_at, resumed_at) END
    AS working_hours_elapsed,
  CASE
    WHEN is_void THEN '已作废'
    WHEN is_on_time THEN '按期办结'
    WHEN is_closed THEN '超期办结'
    WHEN is_suspended THEN '挂账'
    WHEN is_overdue THEN '在办超期'
    ELSE '在办未到期'
  END AS clock_state
FROM compared
ORDER BY whistle_id
