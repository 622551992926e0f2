//! Contracts and deliveries in, text out: what was accepted, what was refused and why.

mod keys_and_persons;

use std::fmt::Write as _;
use std::path::PathBuf;

use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;
use crate::source::{self, Limits, OpenOptions};

const CODE_LISTS: &str = "list,code,label,aliases,standard,sort
性别,1,男,男性|M,GB/T 2261.1,1
性别,2,女,女性|F,GB/T 2261.1,2
性别,9,未说明,,GB/T 2261.1,4
证件类型,111,居民身份证,身份证,,1
证件类型,414,护照,,,2
对象类别,1,居民,resident|人,,1
对象类别,2,商铺,shop|店,,2
";

const PEOPLE: &str = "\
apiVersion: v3.1.0
kind: DataContract
id: test.people
name: 人员
version: 1.2.0
status: active
schema:
  - name: people
    businessName: 人员
    customProperties:
      - {property: files, value: [people, 人员]}
      - {property: versionColumn, value: updated_at}
      - {property: operationColumn, value: op}
      - {property: delivery, value: changes}
    properties:
      - name: person_id
        businessName: 编号
        logicalType: string
        primaryKey: true
        logicalTypeOptions: {maxLength: 4}
      - name: name
        businessName: 姓名
        logicalType: string
        required: true
        classification: sensitive
        logicalTypeOptions: {minLength: 2}
        customProperties: [{property: aliases, value: [户主/姓名]}]
      - name: sex
        businessName: 性别
        logicalType: string
        quality: [{type: custom, engine: gridhouse, implementation: {rule: code_list, list: 性别}}]
      - name: birth_date
        businessName: 出生日期
        logicalType: date
        classification: sensitive
        quality: [{type: custom, engine: gridhouse, implementation: {rule: not_in_future}}]
      - name: id_type
        businessName: 证件类型
        logicalType: string
        quality: [{type: custom, engine: gridhouse, implementation: {rule: code_list, list: 证件类型}}]
      - name: id_number
        businessName: 证件号码
        logicalType: string
        classification: sensitive
        quality:
          - {type: custom, engine: gridhouse, implementation: {rule: agrees_with_id_number, birth_date: birth_date, sex: sex, when: {id_type: [居民身份证]}}}
          - {type: custom, engine: gridhouse, implementation: {rule: id_number, required: true, when: {id_type: [居民身份证]}}}
      - name: phone
        businessName: 电话
        logicalType: string
        classification: sensitive
        quality: [{type: custom, engine: gridhouse, implementation: {rule: mobile_or_landline}}]
      - name: grid_code
        businessName: 网格编码
        logicalType: string
        logicalTypeOptions: {pattern: '^\\d{15}$'}
        relationships: [{type: foreignKey, to: grids.grid_code}]
      - name: area_m2
        businessName: 建筑面积
        logicalType: number
        logicalTypeOptions: {minimum: 1, maximum: 2000}
        customProperties: [{property: unit, value: 平方米}]
      - name: rooms
        businessName: 间数
        logicalType: integer
      - name: is_let
        businessName: 是否出租
        logicalType: boolean
      - name: seen_at
        businessName: 走访时间
        logicalType: timestamp
        quality: [{type: custom, engine: gridhouse, severity: warning, implementation: {rule: not_before, column: updated_at}}]
      - name: updated_at
        businessName: 更新时间
        logicalType: timestamp
";

const GRIDS: &str = "\
apiVersion: v3.1.0
kind: DataContract
schema:
  - name: grids
    businessName: 网格
    customProperties: [{property: delivery, value: full}]
    properties:
      - {name: grid_code, businessName: 网格编码, logicalType: string, primaryKey: true}
";

fn load(files: &[(&str, &str)]) -> Result<Contracts, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("code_lists.csv"), CODE_LISTS).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Contracts::load(folder.path(), &folder.path().join("code_lists.csv")).map_err(|problems| {
        let local = |mut problem: Problem| {
            problem.file = PathBuf::from(problem.file.file_name().unwrap_or_default());
            problem.to_string()
        };
        problems.into_iter().map(local).collect::<Vec<_>>().join("\n")
    })
}

fn contracts() -> Contracts {
    load(&[("people.odcs.yaml", PEOPLE), ("grids.odcs.yaml", GRIDS)]).unwrap()
}

/// Accepted rows by line, then violations by line; absent columns and nulls are left out.
fn judge(delivery: &str) -> String {
    let contracts = contracts();
    let contract = contracts.get("people").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    std::fs::write(&path, delivery).unwrap();
    let options = OpenOptions { limits: Limits::default(), is_known_column: &|name| contracts.is_known_column(name) };
    let mut reader = source::open(&path, &options).unwrap();
    let binding = match contract.bind(reader.header()) {
        Ok(binding) => binding,
        Err(error) => return error.to_string(),
    };
    let mut keys = Keys::default();
    keys.set("grids", "grid_code").insert("430105001007001");
    let context = CheckContext::new("2024-06-27".parse().unwrap(), &keys);
    let mut out = String::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        let checked = check(contract, &binding, &batch, &context);
        for (row, raw) in checked.accepted_rows.iter().enumerate() {
            write!(out, "{}:", batch.lines[*raw as usize]).unwrap();
            if let Some(operations) = &checked.operations {
                write!(out, " {:?}", operations[row]).unwrap();
            }
            for column in checked.accepted.columns().iter().filter(|column| column.is_valid(row)) {
                let format = FormatOptions::default();
                write!(out, " {}", ArrayFormatter::try_new(column, &format).unwrap().value(row)).unwrap();
            }
            out.push('\n');
        }
        for violation in &checked.violations {
            let mark = if violation.is_warning { " (warning)" } else { "" };
            let line = batch.lines[violation.row as usize];
            writeln!(out, "{line}! {} {}{mark} {}", violation.column, violation.rule, violation.reason).unwrap();
        }
    }
    out
}

fn check_judged(delivery: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(judge(delivery).trim_end(), expected.join("\n"), "\n{delivery}");
}

#[test]
fn values_are_normalised_and_typed() {
    check_judged(
        "编号,姓名,性别,出生日期,证件类型,证件号码,电话,网格编码,建筑面积（㎡）,间数,是否出租,走访时间,更新时间\n\
         Ｒ１,\u{3000}王五 ,１,1980年1月1日,身份证,99010519800101001x,+86 154-0000-0001,430105001007001,88.50,3.0,√,2024/6/27 8:30,2024-06-01\n\
         R2,李四,F,19680412,居民身份证,990105196804120029,073182345678,,,,否,,\n\
         R3,AB,未说明,,护照,e1234567,,,,,,,",
        "2: R1 王五 男 1980-01-01 居民身份证 99010519800101001X 15400000001 430105001007001 88.5 3 true 2024-06-27T08:30:00 2024-06-01T00:00:00
        3: R2 李四 女 1968-04-12 居民身份证 990105196804120029 0731-82345678 false
        4: R3 AB 未说明 护照 E1234567",
    );
}

#[test]
fn all_violations_of_a_row_are_named_with_a_reason() {
    check_judged(
        "person_id,name,sex,birth_date,id_type,id_number,phone,grid_code,area_m2,rooms,is_let,seen_at,updated_at\n\
         R1,\u{3000},男的,1990-02-30,居民身份证,990105196804120011,12345,430105001007999,0.5,三间,也许,昨天,45470\n\
         ,王五,女,2024-06-28,居民身份证,,,12,2001,1.5,,2024-06-27,2024-06-28\n\
         R0003,王,男,1968-04-13,居民身份证,990105196804120029,,,,,,,\n\
         R4,王\u{FFFD}五,,,,,,,,,,,\n\
         R5,王五,,,,990105680412001,,,,,,,\n\
         R6,王五,,,居民身份证,990105680412001,,,,,,,",
        "6: R5 王五 990105680412001
        2! name missing_required “姓名”必填，请补填
        2! sex unknown_code 性别“男的”不在代码表“性别”中，请改用表中的名称或代码
        2! birth_date bad_date 出生日期不是有效日期，请按2024-06-27的格式填写真实日期
        2! id_number bad_id_number 证件号码校验位不对，请核对身份证原件
        2! phone bad_phone 电话既不是11位手机号码，也不是0731-8xxxxxxx形式的固定电话，请核实
        2! grid_code unknown_reference 网格编码“430105001007999”在grids中不存在，请核对编号，或先报送该记录
        2! area_m2 out_of_range 建筑面积应在1至2000之间，请核对
        2! rooms bad_number 间数“三间”不是整数，请只填整数，不带单位和文字
        2! is_let bad_boolean 是否出租“也许”无法识别，请填“是”或“否”
        2! seen_at bad_timestamp 走访时间“昨天”不是有效时间，请按2024-06-27 08:30:00的格式填写
        2! updated_at bad_timestamp 更新时间“45470”像是表格软件的日期序号，请把该列设为日期格式后重填
        3! person_id missing_required “编号”必填，请补填
        3! birth_date future_date 出生日期晚于数据日期2024-06-27，请核对
        3! id_number missing_required 证件类型为居民身份证时，“证件号码”必填，请补填
        3! grid_code bad_pattern 网格编码不符合规定的格式，请核对后重填
        3! grid_code unknown_reference 网格编码“12”在grids中不存在，请核对编号，或先报送该记录
        3! area_m2 out_of_range 建筑面积应在1至2000之间，请核对
        3! rooms bad_number 间数“1.5”不是整数，请只填整数，不带单位和文字
        3! seen_at out_of_range (warning) 走访时间早于更新时间，请核对两个时间
        4! person_id too_long 编号超过4个字，请删减
        4! name too_short 姓名不足2个字，请补全
        4! sex sex_disagrees 性别与证件号码不一致，请核对身份证原件，改正其中填错的一项
        4! birth_date birth_date_disagrees 出生日期与证件号码不一致，请核对身份证原件，改正其中填错的一项
        5! name replacement_character 姓名含有无法识别的乱码字符，请改正后用UTF-8或GB18030编码重新导出
        7! id_number bad_id_number 证件号码是15位旧号码，请核对身份证原件改填18位号码",
    );
    check_judged(
        "person_id,name\nR1\nR2,王五,x\nR3,王五",
        "4: R3 王五
        2!  ragged_row 本行有1列，少于表头的2列，可能是内容里有未加引号的分隔符或换行，请核对
        2! name missing_required “姓名”必填，请补填
        3!  ragged_row 本行有3列，多于表头的2列，可能是内容里有未加引号的分隔符或换行，请核对",
    );
}

#[test]
fn an_identifier_that_a_spreadsheet_shortened_is_no_identifier() {
    check_judged(
        "person_id,name,phone,area_m2\nR1,王五,1.54E+10,.5\nR2,王五,,８８．５",
        "3: R2 王五 88.5
        2! phone lost_digits 电话以数值形式保存，超过15位的数字已经失真，请把该列设为文本格式后重新填写
        2! phone bad_phone 电话既不是11位手机号码，也不是0731-8xxxxxxx形式的固定电话，请核实
        2! area_m2 out_of_range 建筑面积应在1至2000之间，请核对",
    );
}

#[test]
fn a_warning_does_not_hold_a_row_back() {
    check_judged(
        "person_id,name,seen_at,updated_at\nR1,王五,2024-06-26 10:00:00,2024-06-26 11:00:00",
        "2: R1 王五 2024-06-26T10:00:00 2024-06-26T11:00:00
        2! seen_at out_of_range (warning) 走访时间早于更新时间，请核对两个时间",
    );
}

#[test]
fn deletions_need_only_their_key() {
    check_judged(
        "操作,编号,姓名\n删除,R1,\nu,R2,王五\nI,R3,李四\n,R4,赵六\n合并,R5,孙七\nD,,",
        "
        2: Delete R1
        3: Update R2 王五
        4: Insert R3 李四
        5: Update R4 赵六
        6! op unknown_code 操作类型无法识别，请填新增、变更或删除
        7! person_id missing_required “编号”必填，请补填",
    );
    check_judged("op,person_id\nD,R1", "2: Delete R1");
}

#[test]
fn columns_are_bound_by_name_only() {
    let contracts = contracts();
    let people = contracts.get("people").unwrap();
    let bind = |header: &[&str]| people.bind(&header.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>());
    let bound =
        bind(&["更新 时间", "ＰＥＲＳＯＮ_ＩＤ", "备注", "户主／姓名", "建筑面积(㎡)", "基本情况/性别", "op"]).unwrap();
    let names =
        bound.columns.iter().enumerate().filter_map(|(c, i)| Some(format!("{}={}", people.columns[c].name, (*i)?)));
    assert_eq!(names.collect::<Vec<_>>().join(" "), "person_id=1 name=3 sex=5 area_m2=4 updated_at=0");
    assert_eq!((bound.unknown, bound.operation), (vec!["备注".to_owned()], Some(6)));
    // A leaf that two paths share names neither.
    let shared = bind(&["编号", "户主/姓名", "甲/电话", "乙/电话"]).unwrap();
    assert_eq!(shared.unknown, ["甲/电话", "乙/电话"]);
    assert_eq!(
        bind(&["性别", "编号", "编 号", "person_id"]).unwrap_err().to_string(),
        "required columns are missing: `name 姓名`; `person_id` is delivered more than once, as `编号`, `编 号`, `person_id`; found `性别`, `编号`, `编 号`, `person_id`"
    );
    // Without a header the first row of data stands in its place and must not be shown.
    assert_eq!(
        bind(&["东", "张三", "15400000001"]).unwrap_err().to_string(),
        "required columns are missing: `person_id 编号`, `name 姓名`; no column name was recognised in 3 columns; is the header missing?"
    );
    assert_eq!(
        bind(&["编号", "备注", "15400000001"]).unwrap_err().to_string(),
        "required columns are missing: `name 姓名`; found `编号`, `备注` and 1 more"
    );
    assert!(contracts.is_known_column("建筑面积（平方米）") && !contracts.is_known_column("备注"));
}

#[test]
fn contracts_come_in_order_and_claim_files() {
    let contracts = contracts();
    assert_eq!(contracts.iter().map(|c| c.table.as_str()).collect::<Vec<_>>(), ["grids", "people"]);
    let table = |stem: &str| contracts.for_file(stem).map(|c| c.table.as_str());
    assert_eq!([table("people_430105001"), table("人员-6月"), table("PEOPLE2024")], [Some("people"); 3]);
    assert_eq!([table("peoples"), table("网格"), table("x")], [None, Some("grids"), None]);
    assert_eq!(table("people june"), Some("people"));
    let people = contracts.get("people").unwrap();
    assert_eq!(
        (people.key.as_slice(), people.version_column, people.delivery),
        (&[0][..], Some(12), DeliveryKind::Changes)
    );
    assert!(people.arrow_schema().field(1).is_nullable() && !people.arrow_schema().field(0).is_nullable());
}

#[test]
fn every_problem_of_every_contract_is_named() {
    let broken = "\
apiVersion: v3.1.0
kind: DataContract
schema:
  - name: people
    customProperties:
      - {property: versionColum, value: updated_at}
      - {property: clusterBy, value: grid_cod}
      - {property: delivery, value: chnages}
    properties:
      - {name: person_id, logicalType: strng}
      - {name: person_id, logicalType: string}
      - name: sex
        logicalType: string
        requried: true
        classification: secret
        quality:
          - {type: custom, engine: gridhouse, implementation: {rule: code_lst, list: 性别}}
          - {type: custom, engine: gridhouse, implementation: {rule: code_list, list: 性别2}}
          - {type: custom, engine: gridhouse, implementation: {rule: code_list, list: 性别}}
      - name: grid_code
        logicalType: string
        logicalTypeOptions: {pattern: '^(\\d', maxLength: long}
        relationships: [{type: foreignKey, to: grid.grid_code}]
        quality:
          - {type: custom, engine: gridhouse, implementation: {rule: not_in_future}}
          - {type: custom, engine: gridhouse, implementation: {rule: reference, to: grids.grid_cod, when: {sx: [男], sex: [公]}}}
      - {name: 姓名, logicalType: string}
";
    let found = load(&[("a.odcs.yaml", broken), ("b.odcs.yaml", GRIDS), ("c.odcs.yaml", "kind: [")]).unwrap_err();
    let expected = "\
a.odcs.yaml:4:5: table `people` has no key (hint: mark the columns that identify a row with `primaryKey: true`)
a.odcs.yaml:6:9: unknown property `versionColum` (hint: did you mean `versionColumn`?)
a.odcs.yaml:7:38: there is no column `grid_cod` (hint: did you mean `grid_code`?)
a.odcs.yaml:8:37: unknown kind of delivery `chnages` (hint: did you mean `changes`?)
a.odcs.yaml:10:40: column `person_id` has the unknown type `strng` (hint: did you mean `string`?)
a.odcs.yaml:11:9: column `person_id` is already on line 10
a.odcs.yaml:14:9: unknown key `requried` (hint: did you mean `required`?)
a.odcs.yaml:15:25: unknown classification `secret` (hint: known are `public`, `internal`, `personal`, `sensitive`)
a.odcs.yaml:17:70: unknown rule `code_lst` (hint: did you mean `code_list`?)
a.odcs.yaml:18:87: unknown code list `性别2` (hint: did you mean `性别`?)
a.odcs.yaml:22:39: `^(\\d` is not a valid pattern: unclosed group
a.odcs.yaml:22:58: `maxLength` should be a whole number, not a text
a.odcs.yaml:23:48: column `grid_code` refers to the unknown table `grid` (hint: did you mean `grids`?)
a.odcs.yaml:25:63: a rule of column `grid_code` does not go with its type
a.odcs.yaml:26:63: column `grid_code` refers to `grids.grid_cod`, which is no column (hint: did you mean `grid_code`?)
a.odcs.yaml:26:63: `when` waits for `公`, which is no label of list `性别` (hint: known are `男`, `女`, `未说明`)
a.odcs.yaml:26:108: there is no column `sx` (hint: did you mean `sex`?)
a.odcs.yaml:27:16: `姓名` cannot be a name in SQL (hint: use lower-case letters, digits and `_`, and `businessName` for the label)
c.odcs.yaml:1:7: unclosed bracket '['";
    assert_eq!(found, expected);
    // What is spelt nearly right, contradicts itself or would be believed without being checked.
    let careless = "\
apiVersion: v3.1.0
kind: DataContract
schema:
  - name: runs
    properties:
      - {name: run_id, logicalType: string, primaryKey: true, unique: true}
      - {name: place, logicalType: string, unique: true, relationships: [{too: grids.grid_code}]}
      - {name: size, logicalType: integer, logicalTypeOptions: {minimum: 9, maximum: 0, multipleOf: 5}}
      - name: phone
        logicalType: string
        quality:
          - {engin: gridhouse, implementation: {rule: mobile}}
          - {engine: gridhouse, serverity: warning, implementation: {rule: length, minimum: 3, maximum: 2, when: [place, x]}}
      - {name: grid_code, logicalType: string, relationships: [{to: grids.grid_code}]}
";
    let found = load(&[("a.odcs.yaml", careless), ("grids.odcs.yaml", "kind: [")]).unwrap_err();
    let expected = "\
a.odcs.yaml:4:11: `runs` is a table of gridhouse's own (hint: choose another name)
a.odcs.yaml:7:44: `unique` is not enforced (hint: use a rule under `quality`, or a check in `queries/checks`)
a.odcs.yaml:7:74: the relationship says not what it refers to (hint: write `to: table.column`)
a.odcs.yaml:7:75: unknown key `too` (hint: did you mean `to`?)
a.odcs.yaml:8:64: the minimum is greater than the maximum: no value can pass
a.odcs.yaml:8:89: `multipleOf` is not enforced (hint: use a rule under `quality`, or a check in `queries/checks`)
a.odcs.yaml:12:14: unknown key `engin` (hint: did you mean `engine`?)
a.odcs.yaml:13:33: unknown key `serverity` (hint: did you mean `severity`?)
a.odcs.yaml:13:69: the minimum is greater than the maximum: no value can pass
a.odcs.yaml:13:114: `when` should be a mapping, not a list (hint: write `when: {column: [value]}`)
grids.odcs.yaml:1:7: unclosed bracket '['";
    assert_eq!(found, expected);
    let lists = load(&[
        ("people.odcs.yaml", PEOPLE),
        ("grids.odcs.yaml", GRIDS),
        ("code_lists.csv", "list,code,label,aliases\n性别,1,男,M\n性别,2,女,m\n,3,x,\n"),
    ]);
    let lists = lists.unwrap_err();
    assert!(lists.starts_with("code_lists.csv:3:1: `m` in list `性别` already stands for `男`\ncode_lists.csv:4:1: a code needs its list and its label"), "{lists}");
}
