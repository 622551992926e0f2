-- A rule that cannot be applied scores nothing, and nobody sees it in a figure.
WITH rules AS (
  SELECT DISTINCT
    r.kind, r.rule_type, r.indicator, r.measure, r.full_points, r.target_pct, r.points_per_pct, r.floor_points,
    r.points_per_event, r.valid_from, c.label AS event_item
  FROM score_rule_by_period AS r
  LEFT JOIN stg_code_lists AS c ON c.list = '考核事项' AND c.label = r.measure
),
judged AS (
  SELECT
    kind,
    indicator,
    valid_from,
    CASE
      WHEN rule_type = '总分' THEN CASE WHEN indicator <> '总分' THEN '总分上下限的指标应写“总分”' END
      WHEN rule_type = '比率' OR target_pct IS NOT NULL THEN
        CASE
          WHEN measure NOT IN ('按期办结率', '办结率', '响应率', '到场率', '满意率') THEN '取数不是可以计算的率'
          WHEN full_points IS NULL OR target_pct IS NULL THEN '缺少满分或目标'
          WHEN rule_type = '比率' AND (points_per_pct IS NULL OR floor_points IS NULL) THEN '缺少每点扣分或底分'
          WHEN rule_type = '扣分' THEN '扣分项不按率计'
        END
      WHEN measure IN ('超时签收', '超时到场', '超期', '返工', '退单') THEN
        CASE WHEN points_per_event IS NULL THEN '缺少每次分值' END
      WHEN event_item IS NULL THEN '取数既不是任务事项，也不在考核事项代码表中'
    END AS problem
  FROM rules
)
SELECT kind, indicator, valid_from, problem
FROM judged
WHERE problem IS NOT NULL
ORDER BY kind, indicator, valid_from
