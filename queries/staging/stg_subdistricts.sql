SELECT
  subdistrict_code,
  subdistrict_name
FROM subdistricts
