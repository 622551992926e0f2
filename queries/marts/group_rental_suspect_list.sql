-- Suspected group rentals (群租): a hint for a visit, not a finding. The limits, to be set to local rules:
--   10 persons        from which collective-rental safety rules usually apply
--   5 m2 a person     the floor many cities set under 商品房屋租赁管理办法 (2010), art. 8
--   2 persons a room  the other customary limit under the same article
-- Dwellings with fewer than 5 persons are not looked at: they nearly always hold one family.
WITH measured AS (
  SELECT
    d.*,
    o.person_count,
    rate(d.area_m2, o.person_count) AS area_m2_per_person,
    rate(o.person_count, d.rooms_let) AS persons_per_room
  FROM occupancy_by_dwelling AS o
  JOIN stg_dwellings AS d ON d.dwelling_id = o.dwelling_id
  WHERE o.is_rental AND o.person_count >= 5
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
