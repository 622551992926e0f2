SELECT
  community_code,
  community_name,
  subdistrict_code,
  subdistrict_name,
  kind,
  kind = '村委会' AS is_village
FROM communities
