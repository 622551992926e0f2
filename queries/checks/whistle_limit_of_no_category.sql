SELECT l.category, l.level, l.step, l.valid_from
FROM stg_whistle_limits AS l
LEFT ANTI JOIN (SELECT label FROM stg_code_lists WHERE list = '吹哨类别') AS c ON c.label = l.category
WHERE l.category <> '全部'
ORDER BY l.category, l.level, l.step, l.valid_from
