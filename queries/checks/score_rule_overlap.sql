SELECT a.kind, a.indicator, a.valid_from, a.valid_to, b.valid_from AS later_valid_from
FROM stg_score_rules AS a
INNER JOIN stg_score_rules AS b
  ON b.kind = a.kind AND b.indicator = a.indicator AND b.valid_from > a.valid_from AND b.valid_from < a.valid_to
WHERE b.valid_from < b.valid_to
ORDER BY a.kind, a.indicator, a.valid_from, later_valid_from
