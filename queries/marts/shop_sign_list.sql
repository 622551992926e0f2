SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_short_name,
  s.shop_id,
  s.name AS shop_name,
  s.category,
  s.status AS shop_status,
  -- The part after the community, which another column names.
  coalesce(nullif(split_part(s.address, g.community_name, 2), ''), s.address) AS local_address,
  s.owner_name,
  mask_phone(s.phone) AS phone_masked,
  s.uscc,
  s.licence_until,
  s.is_licence_expired,
  s.sign_photo
FROM stg_shops AS s
INNER JOIN stg_grids AS g ON g.grid_code = s.grid_code
WHERE s.status <> '空置'
ORDER BY s.grid_code, s.shop_id
