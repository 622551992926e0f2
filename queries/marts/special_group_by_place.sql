-- One person may carry several tags: 人次 counts tags, 人 counts people. A resident lives in one grid,
-- so distinct people add up from the grids.
WITH persons AS (
  SELECT
    grid_code,
    resident_id,
    count(*) AS tag_count,
    bool_or(visit_cycle_days IS NOT NULL) AS is_due,
    bool_or(is_visit_overdue) AS is_visit_overdue,
    count(*) FILTER (WHERE tag = '独居老人') AS living_alone,
    count(*) FILTER (WHERE tag = '空巢老人') AS empty_nest,
    count(*) FILTER (WHERE tag = '高龄老人') AS very_old,
    count(*) FILTER (WHERE tag = '低保') AS low_income,
    count(*) FILTER (WHERE tag = '低保边缘') AS near_low_income,
    count(*) FILTER (WHERE tag = '特困') AS destitute,
    count(*) FILTER (WHERE tag = '残疾') AS disabled,
    count(*) FILTER (WHERE tag = '重病') AS seriously_ill,
    count(*) FILTER (WHERE tag = '失能') AS incapacitated,
    count(*) FILTER (WHERE tag = '留守儿童') AS left_behind_child,
    count(*) FILTER (WHERE tag = '困境儿童') AS child_in_need,
    count(*) FILTER (WHERE tag = '退役军人') AS veteran,
    count(*) FILTER (WHERE tag = '计生特殊家庭') AS bereaved_family
  FROM special_group_list
  GROUP BY grid_code, resident_id
),
counted AS (
  SELECT
    grid_code,
    sum(tag_count) AS occurrence_count,
    count(*) AS person_count,
    count(*) FILTER (WHERE is_due) AS due_person_count,
    count(*) FILTER (WHERE is_visit_overdue) AS overdue_person_count,
    sum(living_alone) AS living_alone_count,
    sum(empty_nest) AS empty_nest_count,
    sum(very_old) AS very_old_count,
    sum(low_income) AS low_income_count,
    sum(near_low_income) AS near_low_income_count,
    sum(destitute) AS destitute_count,
    sum(disabled) AS disabled_count,
    sum(seriously_ill) AS seriously_ill_count,
    sum(incapacitated) AS incapacitated_count,
    sum(left_behind_child) AS left_behind_child_count,
    sum(child_in_need) AS child_in_need_count,
    sum(veteran) AS veteran_count,
    sum(bereaved_family) AS bereaved_family_count
  FROM persons
  GROUP BY grid_code
),
placed AS (
  SELECT
    g.grid_code AS grid_code,
    g.grid_name AS grid_name,
    g.community_code,
    g.community_name,
    g.subdistrict_code,
    g.subdistrict_name,
    c.occurrence_count,
    c.person_count,
    c.due_person_count,
    c.overdue_person_count,
    c.living_alone_count,
    c.empty_nest_count,
    c.very_old_count,
    c.low_income_count,
    c.near_low_income_count,
    c.destitute_count,
    c.disabled_count,
    c.seriously_ill_count,
    c.incapacitated_count,
    c.left_behind_child_count,
    c.child_in_need_count,
    c.veteran_count,
    c.bereaved_family_count
  FROM stg_grids AS g
  LEFT JOIN counted AS c ON c.grid_code = g.grid_code
),
rolled AS (
  SELECT
    CASE
      WHEN grouping(grid_code) = 0 THEN 'grid'
      WHEN grouping(community_code) = 0 THEN 'community'
      WHEN grouping(subdistrict_code) = 0 THEN 'subdistrict'
      ELSE 'district'
    END AS place_level,
    left(min(subdistrict_code), 6) AS district_code,
    subdistrict_code,
    subdistrict_name,
    community_code,
    community_name,
    grid_code,
    grid_name,
    coalesce(sum(occurrence_count), 0) AS occurrence_count,
    coalesce(sum(person_count), 0) AS person_count,
    coalesce(sum(due_person_count), 0) AS due_person_count,
    coalesce(sum(overdue_person_count), 0) AS overdue_person_count,
    coalesce(sum(living_alone_count), 0) AS living_alone_count,
    coalesce(sum(empty_nest_count), 0) AS empty_nest_count,
    coalesce(sum(very_old_count), 0) AS very_old_count,
    coalesce(sum(low_income_count), 0) AS low_income_count,
    coalesce(sum(near_low_income_count), 0) AS near_low_income_count,
    coalesce(sum(destitute_count), 0) AS destitute_count,
    coalesce(sum(disabled_count), 0) AS disabled_count,
    coalesce(sum(seriously_ill_count), 0) AS seriously_ill_count,
    coalesce(sum(incapacitated_count), 0) AS incapacitated_count,
    coalesce(sum(left_behind_child_count), 0) AS left_behind_child_count,
    coalesce(sum(child_in_need_count), 0) AS child_in_need_count,
    coalesce(sum(veteran_count), 0) AS veteran_count,
    coalesce(sum(bereaved_family_count), 0) AS bereaved_family_count
  FROM placed
  GROUP BY GROUPING SETS (
    (subdistrict_code, subdistrict_name, community_code, community_name, grid_code, grid_name),
    (subdistrict_code, subdistrict_name, community_code, community_name),
    (subdistrict_code, subdistrict_name),
    ()
  )
)
SELECT
  place_level,
  coalesce(grid_code, community_code, subdistrict_code, district_code) AS place_code,
  coalesce(grid_name, community_name, subdistrict_name, '全区') AS place_name,
  subdistrict_code,
  subdistrict_name,
  community_code,
  community_name,
  grid_code,
  occurrence_count,
  person_count,
  due_person_count,
  overdue_person_count,
  rate(overdue_person_count, due_person_count) AS overdue_person_rate,
  rate(due_person_count - overdue_person_count, due_person_count) AS on_time_person_rate,
  living_alone_count,
  empty_nest_count,
  very_old_count,
  low_income_count,
  near_low_income_count,
  destitute_count,
  disabled_count,
  seriously_ill_count,
  incapacitated_count,
  left_behind_child_count,
  child_in_need_count,
  veteran_count,
  bereaved_family_count
FROM rolled
