-- Every pair is there, so that 0 is a finding and not a gap. Persons of a place stand beside their groups: a person
-- of two groups is in both.
WITH tags AS (
  SELECT tag, min(tag_order) AS tag_order
  FROM special_group_by_place_tag
  WHERE place_level = 'district'
  GROUP BY tag
)
SELECT
  p.place_level,
  p.place_code,
  p.place_name,
  p.person_count,
  p.occurrence_count,
  t.tag,
  t.tag_order,
  coalesce(g.person_count, 0) AS tag_person_count,
  coalesce(g.due_count, 0) AS tag_due_count,
  coalesce(g.overdue_count, 0) AS tag_overdue_count
FROM special_group_by_place AS p
CROSS JOIN tags AS t
LEFT JOIN special_group_by_place_tag AS g
  ON g.place_level = p.place_level AND g.place_code = p.place_code AND g.tag = t.tag
WHERE p.place_level IN ('subdistrict', 'district')
