SELECT
  department_code,
  department,
  kind
FROM departments
