-- Residents in force. Age is counted on the as-of date, never on the day the query runs.
WITH in_force AS (
  SELECT *, age_on(birth_date, as_of_date()) AS age
  FROM residents
  WHERE record_status = '生效'
)
SELECT
  resident_id,
  name,
  sex,
  birth_date,
  age,
  least(age / 5 * 5, 100) AS age_band_start,
  CASE
    WHEN age >= 100 THEN '100岁及以上'
    ELSE concat(age / 5 * 5, '-', age / 5 * 5 + 4, '岁')
  END AS age_band,
  age < 18 AS is_minor,
  age >= 60 AS is_elderly,
  id_type,
  id_number,
  phone,
  household_type,
  ethnicity,
  education,
  marital,
  household_id,
  relation,
  dwelling_id,
  grid_code,
  updated_at,
  _batch_id,
  _line
FROM in_force
