-- Without a rule an indicator earns nothing and leaves the full points: the score would be one of fewer indicators.
SELECT department_code, department, kind
FROM whistle_by_department
WHERE row_level = 'unit' AND kind IS NOT NULL
  AND (on_time_full_points IS NULL OR response_full_points IS NULL OR satisfaction_full_points IS NULL)
ORDER BY department_code, department
