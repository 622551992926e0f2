-- Suspected group rentals (群租): a hint for a visit, not a finding. The limits:
--   10 persons      from which collective-rental safety rules usually apply
--   5 m2 a person   the floor many cities set under 商品房屋租赁管理办法 (2010), art. 8
--   2 persons a room let, the other customary limit under the same article
-- The last two look only at dwellings with at least 5 persons: fewer are nearly always one family.
WITH limits AS (
  SELECT
    10 AS persons_max,
    5.0 AS area_m2_per_person_min,
    2.0 AS persons_per_room_max,
    5 AS persons_considered_min
),
crowded AS (
  SELECT
    o.dwelling_id,
    o.person_count,
    o.area_m2 / o.person_count AS area_m2_per_person,
    rate(o.person_count, o.rooms_let) AS persons_per_room,
    o.person_count >= l.persons_max AS is_over_persons,
    coalesce(o.area_m2 / o.person_count < l.area_m2_per_person_min, false) AS is_under_area,
    coalesce(rate(o.person_count, o.rooms_let) > l.persons_per_room_max, false) AS is_over_room
  FROM occupancy_by_dwelling AS o
  CROSS JOIN limits AS l
  WHERE o.is_rental AND o.person_count >= l.persons_considered_min
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  d.dwelling_id,
  d.address,
  d.owner_name,
  mask_phone(d.owner_phone) AS owner_phone_masked,
  d.area_m2,
  d.rooms_let,
  c.person_count,
  c.area_m2_per_person,
  c.persons_per_room,
  concat_ws(
    '、',
    CASE WHEN c.is_over_persons THEN '居住人数过多' END,
    CASE WHEN c.is_under_area THEN '人均面积过小' END,
    CASE WHEN c.is_over_room THEN '每间人数过多' END
  ) AS reason,
  d.is_registered,
  d.is_pledge_signed
FROM crowded AS c
JOIN stg_dwellings AS d ON d.dwelling_id = c.dwelling_id
JOIN stg_grids AS g ON g.grid_code = d.grid_code
WHERE c.is_over_persons OR c.is_under_area OR c.is_over_room
ORDER BY g.grid_code, c.person_count DESC NULLS LAST, d.dwelling_id
