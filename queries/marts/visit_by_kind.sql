WITH rolled AS (
  SELECT
    CASE WHEN grouping(g.subdistrict_code) = 0 THEN 'subdistrict' ELSE 'district' END AS place_level,
    left(min(g.subdistrict_code), 6) AS district_code,
    g.subdistrict_code,
    g.subdistrict_name,
    v.subject_kind,
    v.method,
    count(*) AS visit_count,
    count(*) FILTER (WHERE v.visited_at >= date_trunc('month', as_of_end() - INTERVAL '1 day')) AS visit_count_month,
    count(*) FILTER (WHERE v.visited_at >= date_trunc('year', as_of_end() - INTERVAL '1 day')) AS visit_count_year,
    count(*) FILTER (
      WHERE v.visited_at >= date_trunc('year', as_of_end() - INTERVAL '1 day') AND v.issue_flag
    ) AS issue_count_year
  FROM stg_visits AS v
  INNER JOIN stg_grids AS g ON g.grid_code = v.grid_code
  GROUP BY GROUPING SETS (
    (g.subdistrict_code, g.subdistrict_name, v.subject_kind, v.method),
    (v.subject_kind, v.method)
  )
)
SELECT
  place_level,
  coalesce(subdistrict_code, district_code) AS place_code,
  coalesce(subdistrict_name, '全区') AS place_name,
  subject_kind,
  code_sort('对象类别', subject_kind) AS subject_kind_sort,
  method,
  code_sort('走访方式', method) AS method_sort,
  visit_count,
  visit_count_month,
  visit_count_year,
  sum(visit_count_year) OVER (PARTITION BY place_level, subdistrict_code) AS place_visit_count_year,
  rate(visit_count_year, sum(visit_count_year) OVER (PARTITION BY place_level, subdistrict_code)) AS share_rate_year,
  issue_count_year,
  rate(issue_count_year, visit_count_year) AS issue_rate_year
FROM rolled
ORDER BY place_code, subject_kind_sort, subject_kind, method_sort, method
