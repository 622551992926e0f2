-- A row per person and special group, without the sensitive groups: what forms about such groups are filled from.
SELECT
  p.*,
  t.tag,
  t.level,
  t.since_date,
  t.guardian,
  t.guardian_phone,
  t.visit_cycle_days,
  t.updated_at AS tag_updated_at
FROM stg_resident_tags AS t
JOIN person_record AS p ON p.resident_id = t.resident_id
WHERE NOT t.is_sensitive
