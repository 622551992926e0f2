WITH asked AS (
  SELECT DISTINCT form, element
  FROM stg_department_form_items
),
counted AS (
  SELECT
    a.form,
    count(*) AS element_count,
    count(*) FILTER (WHERE e.form_count > 1) AS shared_element_count
  FROM asked AS a
  JOIN stg_department_form_elements AS e ON e.element = a.element
  GROUP BY a.form
),
answered AS (
  SELECT
    form,
    count(*) FILTER (WHERE state = '库中现行') AS current_item_count,
    count(*) FILTER (WHERE state = '库中较旧') AS old_item_count,
    count(*) FILTER (WHERE state = '需采集') AS collected_item_count,
    count(*) FILTER (WHERE state = '待确认') AS doubtful_item_count
  FROM stg_department_form_items
  GROUP BY form
)
SELECT
  f.form,
  f.form_sort,
  f.title,
  f.department,
  f.every,
  f.filings_per_year,
  f.unit_count,
  f.item_count,
  c.element_count,
  c.shared_element_count,
  CAST(c.shared_element_count AS DOUBLE) / nullif(c.element_count, 0) AS shared_rate,
  a.current_item_count,
  a.old_item_count,
  a.collected_item_count,
  a.doubtful_item_count,
  f.row_count,
  f.cell_count,
  f.filings_per_year * f.unit_count AS filing_count_year,
  f.filings_per_year * f.cell_count AS cell_count_year
FROM stg_department_forms AS f
JOIN counted AS c ON c.form = f.form
JOIN answered AS a ON a.form = f.form
ORDER BY f.form_sort
