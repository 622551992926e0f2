-- The one pass over the residents for counts of people: every band, sex and household kind used
-- further up is a sum of these rows.
SELECT
  grid_code,
  age_band_start,
  sex,
  count(*) AS person_count,
  count(*) FILTER (WHERE household_type = '户籍') AS registered_count,
  count(*) FILTER (WHERE household_type = '人户分离') AS separated_count,
  count(*) FILTER (WHERE household_type = '流动人口') AS floating_count,
  count(*) FILTER (WHERE household_type = '集体户') AS collective_count,
  count(*) FILTER (WHERE household_type = '境外人员') AS overseas_count
FROM stg_residents
GROUP BY grid_code, age_band_start, sex
