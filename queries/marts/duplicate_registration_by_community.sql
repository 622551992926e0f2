WITH counted AS (
  SELECT
    community_code,
    count(*) AS duplicate_record_count,
    count(DISTINCT group_number) AS duplicate_person_count
  FROM duplicate_registration_list
  GROUP BY community_code
)
SELECT
  p.place_code AS community_code,
  p.community_name,
  p.subdistrict_code,
  p.subdistrict_name,
  p.person_count,
  coalesce(c.duplicate_record_count, 0) AS duplicate_record_count,
  coalesce(c.duplicate_person_count, 0) AS duplicate_person_count,
  rate(coalesce(c.duplicate_record_count, 0), p.person_count) AS duplicate_record_rate
FROM population_by_place AS p
LEFT JOIN counted AS c ON c.community_code = p.place_code
WHERE p.place_level = 'community'
