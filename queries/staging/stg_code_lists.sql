-- SORT is a keyword of the dialect, hence the quotes and the plainer name.
SELECT
  list,
  code,
  label,
  aliases,
  standard,
  "sort" AS sort_order
FROM code_lists
