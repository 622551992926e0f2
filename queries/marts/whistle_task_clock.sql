-- The clocks of each unit's task. 签收 and 到场 run from the event that whistle_limits names, by the row that held on the
-- day of the dispatch: its category goes before 全部, then its level, then the later of two. 办结 keeps to the delivered
-- limit, as all published figures do.
-- 退单 cancels the clocks of the unit that sent the task back; the unit that takes over has its own, from its own dispatch.
-- Extensions move 办结 only. Under 挂账 nothing becomes late, and what was left of a limit runs on afterwards.
-- A step is due when its limit has passed, or when it was done in time before that. A time that no task has at all is not
-- recorded: nothing says who was late, and its clock runs for nobody.
WITH tasks AS (
  SELECT
    t.*,
    w.level,
    w.category,
    w.grid_code,
    w.reported_at,
    w.accepted_at,
    coalesce(w.is_void, false) AS is_void,
    coalesce(w.is_suspended, false) AND t.is_open AS is_suspended,
    w.suspended_at,
    w.resumed_at,
    w.satisfaction,
    w.rework_count,
    t.role = '主办' AND coalesce(
      t.dispatched_at >= min(CASE WHEN t.role = '主办' AND t.is_returned THEN t.returned_at END)
        OVER (PARTITION BY t.whistle_id),
      false
    ) AS is_taken_over
  FROM stg_whistle_tasks AS t
  LEFT JOIN stg_whistles AS w ON w.whistle_id = t.whistle_id
),
recorded AS (
  SELECT count(responded_at) > 0 AS has_signing, count(arrived_at) > 0 AS has_arrival
  FROM stg_whistle_tasks
),
limited AS (
  SELECT
    t.task_id,
    l.step,
    whistle_due(
      CASE
        WHEN l.start_event = '派遣' OR t.is_taken_over THEN t.dispatched_at
        WHEN l.start_event = '受理' THEN t.accepted_at
        ELSE t.reported_at
      END,
      l.amount, l.unit, NULL, t.suspended_at, t.resumed_at
    ) AS step_due_at,
    row_number() OVER (
      PARTITION BY t.task_id, l.step ORDER BY l.category = '全部', l.level = '全部', l.valid_from DESC
    ) AS nth
  FROM tasks AS t
  INNER JOIN stg_whistle_limits AS l
    ON l.step IN ('签收', '到场')
    AND l.category IN (t.category, '全部')
    AND l.level IN (t.level, '全部')
    AND l.valid_from <= CAST(t.dispatched_at AS DATE)
    AND CAST(t.dispatched_at AS DATE) < l.valid_to
  INNER JOIN recorded AS r ON CASE l.step WHEN '签收' THEN r.has_signing ELSE r.has_arrival END
),
due AS (
  SELECT
    task_id,
    max(step_due_at) FILTER (WHERE step = '签收') AS sign_due_at,
    max(step_due_at) FILTER (WHERE step = '到场') AS arrival_due_at
  FROM limited
  WHERE nth = 1
  GROUP BY task_id
),
timed AS (
  SELECT
    t.*,
    d.sign_due_at,
    d.arrival_due_at,
    NOT t.is_returned AND NOT t.is_void AS is_counted,
    coalesce(t.responded_at < as_of_end() AND t.responded_at <= d.sign_due_at, false) AS is_signed_by_limit,
    coalesce(whistle_overdue(d.sign_due_at, t.responded_at, t.suspended_at, t.resumed_at), false) AS is_signed_late,
    coalesce(t.arrived_at < as_of_end() AND t.arrived_at <= d.arrival_due_at, false) AS is_arrived_by_limit,
    coalesce(whistle_overdue(d.arrival_due_at, t.arrived_at, t.suspended_at, t.resumed_at), false) AS is_arrived_late
  FROM tasks AS t
  LEFT JOIN due AS d ON d.task_id = t.task_id
)
SELECT
  task_id,
  whistle_id,
  department,
  role,
  level,
  category,
  grid_code,
  is_void,
  is_returned,
  is_taken_over,
  is_suspended,
  dispatched_at,
  sign_due_at,
  responded_at,
  is_counted AND (is_signed_by_limit OR is_signed_late) AS is_sign_due,
  is_counted AND is_signed_by_limit AS is_sign_in_time,
  is_counted AND is_signed_late AS is_sign_late,
  arrival_due_at,
  arrived_at,
  is_counted AND (is_arrived_by_limit OR is_arrived_late) AS is_arrival_due,
  is_counted AND is_arrived_by_limit AS is_arrival_in_time,
  is_counted AND is_arrived_late AS is_arrival_late,
  due_at,
  closed_at,
  returned_at,
  -- What left before it came left as it came: a slip of the clock must not upset the balance.
  CASE
    WHEN is_returned THEN greatest(dispatched_at, returned_at)
    WHEN is_closed THEN greatest(dispatched_at, closed_at)
  END AS left_at,
  is_closed AND NOT is_returned AS is_closed,
  is_open AND NOT is_void AS is_open,
  is_counted AND is_on_time AS is_on_time,
  is_counted AND NOT is_suspended AND is_overdue AS is_overdue,
  CASE WHEN is_counted THEN whistle_elapsed_hours(dispatched_at, closed_at, suspended_at, resumed_at) END
    AS working_hours_elapsed,
  handling_hours,
  suspended_at,
  resumed_at,
  satisfaction,
  rework_count,
  CASE
    WHEN is_void THEN '已作废'
    WHEN is_returned THEN '已退单'
    WHEN is_on_time THEN '按期办结'
    WHEN is_closed THEN '超期办结'
    WHEN is_suspended THEN '挂账'
    WHEN is_overdue THEN '在办超期'
    ELSE '在办未到期'
  END AS clock_state
FROM timed
ORDER BY task_id
