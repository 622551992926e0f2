//! Keys that look the same are the same, deletions need a version that can be read, and nobody is quoted.

use super::{check_judged, contracts};

#[test]
fn a_deletion_may_lack_its_version_but_not_garble_it() {
    check_judged(
        "op,person_id,name,rooms,updated_at\nD,R1,,三间,\nD,R2,,,2024-06-01\nD,R3,,,昨天\nD,R4,,,2024-06-01\u{FFFD}",
        "2: Delete R1
        3: Delete R2 2024-06-01T00:00:00
        4! updated_at bad_timestamp 更新时间“昨天”不是有效时间，请按2024-06-27 08:30:00的格式填写
        5! updated_at replacement_character 更新时间含有无法识别的乱码字符，请改正后用UTF-8或GB18030编码重新导出",
    );
}

#[test]
fn a_row_that_has_slipped_is_not_quoted() {
    check_judged(
        "person_id,name,rooms,grid_code,is_let\nR1,王五,张三,李四,赵六,x\nR2,王五,张三,李四",
        "2!  ragged_row 本行有6列，多于表头的5列，可能是内容里有未加引号的分隔符或换行，请核对
        2! grid_code bad_pattern 网格编码不符合规定的格式，请核对后重填
        2! grid_code unknown_reference 网格编码在grids中不存在，请核对编号，或先报送该记录
        2! rooms bad_number 间数不是整数，请只填整数，不带单位和文字
        2! is_let bad_boolean 是否出租无法识别，请填“是”或“否”
        3!  ragged_row 本行有4列，少于表头的5列，可能是内容里有未加引号的分隔符或换行，请核对
        3! grid_code bad_pattern 网格编码不符合规定的格式，请核对后重填
        3! grid_code unknown_reference 网格编码在grids中不存在，请核对编号，或先报送该记录
        3! rooms bad_number 间数不是整数，请只填整数，不带单位和文字",
    );
}

#[test]
fn a_number_that_names_a_person_is_quoted_in_no_column() {
    check_judged(
        "person_id,name,rooms,is_let\nR1,王五,154-0000-0001,99010519800101001x\nR2,王五,990105680412001间,三",
        "2! rooms bad_number 间数不是整数，请只填整数，不带单位和文字
        2! is_let bad_boolean 是否出租无法识别，请填“是”或“否”
        3! rooms bad_number 间数不是整数，请只填整数，不带单位和文字
        3! is_let bad_boolean 是否出租“三”无法识别，请填“是”或“否”",
    );
}

#[test]
fn keys_and_references_are_compared_as_they_look() {
    check_judged(
        "person_id,name,grid_code\nＲ－１,王五,４３０１０５００１００７００１\nR\u{200B}2,王－五,430105001007001\u{FEFF}\n\"R\n3\",王五,\nR4,王五,\"430105001007001\t\"\nR5,王五,430105\t01007001",
        "2: R-1 王五 430105001007001
        3: R2 王－五 430105001007001
        6: R4 王五 430105001007001
        4! person_id bad_pattern 编号含有看不见的控制字符（如换行、制表符），请删去后重填
        7! grid_code bad_pattern 网格编码含有看不见的控制字符（如换行、制表符），请删去后重填
        7! grid_code bad_pattern 网格编码不符合规定的格式，请核对后重填
        7! grid_code unknown_reference 网格编码“430105\t01007001”在grids中不存在，请核对编号，或先报送该记录",
    );
}

#[test]
fn only_a_unit_is_taken_off_a_name_and_only_a_plain_heading() {
    let contracts = contracts();
    let people = contracts.get("people").unwrap();
    let bound = |name: &str| {
        let names = ["编号", "姓名", name].map(str::to_owned);
        let binding = people.bind(&names).unwrap();
        binding.columns.iter().position(|place| *place == Some(2)).map(|at| people.columns[at].name.clone())
    };
    for (name, column) in [
        ("建筑面积(㎡)", "area_m2"),
        ("建筑面积（单位：平方米）", "area_m2"),
        ("间数[间]", "rooms"),
        ("基本情况/性别", "sex"),
        ("人员信息/建筑面积(平方米)", "area_m2"),
        ("电话/phone", "phone"),
    ] {
        assert_eq!(bound(name).as_deref(), Some(column), "{name}");
    }
    for name in [
        "电话(紧急联系人)",
        "电话（配偶）",
        "出生日期(母亲)",
        "监护人/电话",
        "监护人信息/电话",
        "户主/性别",
        "紧急联系人/基本情况/电话",
        "建筑面积(共有)",
    ] {
        assert_eq!(bound(name), None, "{name}");
    }
    assert!(contracts.is_known_column("间数(间)") && !contracts.is_known_column("电话(紧急联系人)"));
}
