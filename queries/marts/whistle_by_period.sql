-- Whistles, not tasks: one whistle counts once, however many units it went to. 已作废 is left out.
-- A whistle counts as 上报 in the period of its report, as 办结 in that of its closing, as 应办结 in that of its limit,
-- whenever the other two were. Earlier windows are counted as they stood at their own end, but 挂账, 已作废, limits
-- that were extended and ratings are known only as of today.
-- 期初在办 + 上报 = 办结 + 期末在办; identity_gap says by how much it fails, 0 is right.
WITH levels AS (
  SELECT level FROM (VALUES ('日常哨'), ('区级哨')) AS v (level)
),
whistles AS (
  SELECT
    level,
    reported_at,
    due_at,
    -- What was closed before it was reported was closed as it was reported: a slip of the clock must not upset the balance.
    CASE WHEN closed_at IS NOT NULL THEN greatest(closed_at, reported_at) END AS closed_at,
    satisfaction,
    is_suspended AND is_open AS is_suspended
  FROM stg_whistles
  WHERE NOT is_void
),
counted AS (
  SELECT
    p.period_kind,
    p.period_window,
    w.level,
    count(*) FILTER (
      WHERE w.reported_at < p.start_at AND NOT coalesce(w.closed_at < p.start_at, false)
    ) AS opening_count,
    count(*) FILTER (WHERE w.reported_at >= p.start_at) AS reported_count,
    count(*) FILTER (WHERE w.reported_at >= p.start_at AND w.closed_at < p.end_at) AS reported_closed_count,
    count(*) FILTER (WHERE w.closed_at >= p.start_at AND w.closed_at < p.end_at) AS closed_count,
    count(*) FILTER (
      WHERE w.closed_at >= p.start_at AND w.closed_at < p.end_at AND w.closed_at <= w.due_at
    ) AS closed_on_time_count,
    count(*) FILTER (WHERE NOT coalesce(w.closed_at < p.end_at, false)) AS open_count,
    count(*) FILTER (
      WHERE NOT coalesce(w.closed_at < p.end_at, false) AND w.is_suspended
    ) AS suspended_count,
    count(*) FILTER (
      WHERE NOT coalesce(w.closed_at < p.end_at, false) AND NOT w.is_suspended AND w.due_at < p.end_at
    ) AS open_overdue_count,
    count(*) FILTER (
      WHERE w.due_at >= p.start_at AND w.due_at < p.end_at AND NOT w.is_suspended
    ) AS due_count,
    count(*) FILTER (
      WHERE w.due_at >= p.start_at AND w.due_at < p.end_at AND w.closed_at < p.end_at
    ) AS due_closed_count,
    count(*) FILTER (
      WHERE w.due_at >= p.start_at AND w.due_at < p.end_at AND w.closed_at <= w.due_at
    ) AS due_on_time_count,
    count(w.satisfaction) FILTER (WHERE w.closed_at >= p.start_at AND w.closed_at < p.end_at) AS rated_count,
    count(*) FILTER (
      WHERE w.closed_at >= p.start_at AND w.closed_at < p.end_at AND w.satisfaction >= 4
    ) AS satisfied_count
  FROM report_period AS p
  INNER JOIN whistles AS w ON w.reported_at < p.end_at
  GROUP BY p.period_kind, p.period_window, w.level
),
rolled AS (
  SELECT
    p.period_kind,
    p.period_sort,
    p.period_name,
    p.period_window,
    p.window_sort,
    p.period,
    p.whole_month,
    p.is_complete,
    p.start_date,
    p.end_date,
    coalesce(l.level, '合计') AS level,
    coalesce(sum(c.opening_count), 0) AS opening_count,
    coalesce(sum(c.reported_count), 0) AS reported_count,
    coalesce(sum(c.reported_closed_count), 0) AS reported_closed_count,
    coalesce(sum(c.closed_count), 0) AS closed_count,
    coalesce(sum(c.closed_on_time_count), 0) AS closed_on_time_count,
    coalesce(sum(c.open_count), 0) AS open_count,
    coalesce(sum(c.suspended_count), 0) AS suspended_count,
    coalesce(sum(c.open_overdue_count), 0) AS open_overdue_count,
    coalesce(sum(c.due_count), 0) AS due_count,
    coalesce(sum(c.due_closed_count), 0) AS due_closed_count,
    coalesce(sum(c.due_on_time_count), 0) AS due_on_time_count,
    coalesce(sum(c.rated_count), 0) AS rated_count,
    coalesce(sum(c.satisfied_count), 0) AS satisfied_count
  FROM report_period AS p
  CROSS JOIN levels AS l
  LEFT JOIN counted AS c
    ON c.period_kind = p.period_kind AND c.period_window = p.period_window AND c.level = l.level
  GROUP BY GROUPING SETS (
    (
      p.period_kind, p.period_sort, p.period_name, p.period_window, p.window_sort, p.period, p.whole_month,
      p.is_complete, p.start_date, p.end_date, l.level
    ),
    (
      p.period_kind, p.period_sort, p.period_name, p.period_window, p.window_sort, p.period, p.whole_month,
      p.is_complete, p.start_date, p.end_date
    )
  )
)
SELECT
  period_kind,
  period_sort,
  period_name,
  period_window,
  window_sort,
  period,
  whole_month,
  is_complete,
  start_date,
  end_date,
  level,
  CASE level WHEN '日常哨' THEN 1 WHEN '区级哨' THEN 2 ELSE 3 END AS level_sort,
  opening_count,
  reported_count,
  reported_closed_count,
  rate(reported_closed_count, reported_count) AS closing_rate_a,
  closed_count,
  closed_on_time_count,
  closed_count - closed_on_time_count AS closed_late_count,
  open_count,
  suspended_count,
  open_overdue_count,
  due_count,
  due_closed_count,
  rate(due_closed_count, due_count) AS closing_rate_b,
  due_on_time_count,
  rate(due_on_time_count, due_count) AS on_time_rate,
  due_count - due_on_time_count AS due_late_count,
  rate(due_count - due_on_time_count, due_count) AS overdue_rate,
  rated_count,
  satisfied_count,
  rate(satisfied_count, rated_count) AS satisfaction_rate,
  opening_count + reported_count - closed_count - open_count AS identity_gap
FROM rolled
ORDER BY period_sort, window_sort, level_sort
