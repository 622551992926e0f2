WITH asked AS (
  SELECT DISTINCT form, element
  FROM stg_department_form_items
),
sizes AS (
  SELECT form, count(*) AS element_count
  FROM asked
  GROUP BY form
),
shared AS (
  SELECT a.form, b.form AS other_form, count(*) AS shared_count
  FROM asked AS a
  JOIN asked AS b ON b.element = a.element
  GROUP BY a.form, b.form
)
SELECT
  f.form,
  f.form_sort,
  f.department,
  o.form AS other_form,
  o.form_sort AS other_form_sort,
  o.department AS other_department,
  fs.element_count,
  os.element_count AS other_element_count,
  coalesce(s.shared_count, 0) AS shared_count,
  fs.element_count + os.element_count - coalesce(s.shared_count, 0) AS union_count,
  CASE WHEN f.form <> o.form THEN
    CAST(coalesce(s.shared_count, 0) AS DOUBLE)
      / nullif(fs.element_count + os.element_count - coalesce(s.shared_count, 0), 0)
  END AS similarity_rate,
  CASE WHEN f.form <> o.form THEN
    CAST(coalesce(s.shared_count, 0) AS DOUBLE) / nullif(fs.element_count, 0)
  END AS contained_rate
FROM stg_department_forms AS f
CROSS JOIN stg_department_forms AS o
JOIN sizes AS fs ON fs.form = f.form
JOIN sizes AS os ON os.form = o.form
LEFT JOIN shared AS s ON s.form = f.form AND s.other_form = o.form
ORDER BY f.form_sort, o.form_sort
