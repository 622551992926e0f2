-- Every class is listed for every level, also when nothing is in it. A class holds its upper bound.
WITH levels AS (
  SELECT level FROM (VALUES ('日常哨'), ('区级哨')) AS v (level)
),
classes AS (
  SELECT age_class, age_class_sort
  FROM (
    VALUES ('1天以内', 1), ('1至3天', 2), ('3至7天', 3), ('7至15天', 4), ('15至30天', 5), ('30天以上', 6)
  ) AS v (age_class, age_class_sort)
),
open_whistles AS (
  SELECT
    level,
    is_suspended,
    is_overdue,
    CASE
      WHEN hours_between(reported_at, as_of_end()) <= 24 THEN 1
      WHEN hours_between(reported_at, as_of_end()) <= 72 THEN 2
      WHEN hours_between(reported_at, as_of_end()) <= 168 THEN 3
      WHEN hours_between(reported_at, as_of_end()) <= 360 THEN 4
      WHEN hours_between(reported_at, as_of_end()) <= 720 THEN 5
      ELSE 6
    END AS age_class_sort
  FROM stg_whistles
  WHERE is_open
),
rolled AS (
  SELECT
    coalesce(l.level, '合计') AS level,
    c.age_class,
    c.age_class_sort,
    count(o.level) AS open_count,
    count(*) FILTER (WHERE o.is_overdue) AS overdue_count,
    count(*) FILTER (WHERE o.is_suspended) AS suspended_count
  FROM levels AS l
  CROSS JOIN classes AS c
  LEFT JOIN open_whistles AS o ON o.level = l.level AND o.age_class_sort = c.age_class_sort
  GROUP BY GROUPING SETS ((l.level, c.age_class, c.age_class_sort), (c.age_class, c.age_class_sort))
)
SELECT
  level,
  CASE level WHEN '日常哨' THEN 1 WHEN '区级哨' THEN 2 ELSE 3 END AS level_sort,
  age_class,
  age_class_sort,
  open_count,
  sum(open_count) OVER (PARTITION BY level) AS level_open_count,
  rate(open_count, sum(open_count) OVER (PARTITION BY level)) AS share_rate,
  overdue_count,
  suspended_count
FROM rolled
ORDER BY level_sort, age_class_sort
