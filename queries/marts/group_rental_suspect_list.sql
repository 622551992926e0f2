-- Suspected group rentals (群租): a hint for a visit, not a finding. The limits, to be set to local rules:
--   10 persons        from which collective-rental safety rules usually apply
--   5 m2 a person     the floor many cities set under 商品房屋租赁管理办法 (2010), art. 8
--   2 persons a room  the other customary limit under the same article
-- Dwellings with fewer than 5 persons are not looked at: they nearly always hold one family.
WITH crowded AS (
  SELECT dwelling_id, count(*) AS person_count
  FROM stg_residents
  WHERE dwelling_id IS NOT NULL
  GROUP BY dwelling_id
  HAVING count(*) >= 5
),
measured AS (
  SELECT
    d.*,
    c.person_count,
    rate(d.area_m2, c.person_count) AS area_m2_per_person,
    rate(c.person_count, d.rooms_let) AS persons_per_room
  FROM crowded AS c
  JOIN stg_dwellings AS d ON d.dwelling_id = c.dwelling_id
  WHERE d.is_rental
),
judged AS (
  SELECT
    *,
    concat_ws(
      '、',
      CASE WHEN person_count >= 10 THEN '居住人数过多' END,
      CASE WHEN area_m2_per_person < 5 THEN '人均面积过小' END,
      CASE WHEN persons_per_room > 2 THEN '每间人数过多' END
    ) AS reason
  FROM measured
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  j.dwelling_id,
  j.address,
  j.owner_name,
  mask_phone(j.owner_phone) AS owner_phone_masked,
  j.area_m2,
  j.rooms_let,
  j.person_count,
  j.area_m2_per_person,
  j.persons_per_room,
  j.reason,
  j.is_registered,
  j.is_pledge_signed
FROM judged AS j
JOIN stg_grids AS g ON g.grid_code = j.grid_code
WHERE j.reason <> ''
ORDER BY g.grid_code, j.person_count DESC NULLS LAST, j.dwelling_id
