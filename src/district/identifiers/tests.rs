use super::*;

fn vectors() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/testvectors.json")).unwrap()
}

fn texts(vectors: &serde_json::Value, key: &str) -> Vec<String> {
    vectors[key].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[test]
fn valid_id_numbers_pass_and_say_birth_date_and_sex() {
    let vectors = vectors();
    for text in texts(&vectors, "id_valid_synthetic").into_iter().chain(texts(&vectors, "id_valid_published_example")) {
        let id = check_id_number(&text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        assert_eq!(id.birth_date.format("%Y%m%d").to_string(), text[6..14]);
        assert_eq!(id.sex == Sex::Male, (text.as_bytes()[16] - b'0') % 2 == 1, "{text}");
        assert_eq!(id.region.to_string(), text[..6]);
    }
}

#[test]
fn invalid_id_numbers_fail_for_their_reason() {
    let vectors = vectors();
    let invalid = vectors["id_invalid"].as_object().unwrap();
    let fault = |name: &str| check_id_number(invalid[name].as_str().unwrap());
    assert_eq!(fault("校验位错"), Err(IdNumberFault::CheckDigit));
    assert_eq!(fault("日期不存在(非闰年2月29日)"), Err(IdNumberFault::BirthDate));
    assert_eq!(fault("月份13"), Err(IdNumberFault::BirthDate));
    assert_eq!(fault("长度17"), Err(IdNumberFault::Length));
    assert_eq!(fault("含空格"), Err(IdNumberFault::Length));
    assert_eq!(fault("全角X"), Err(IdNumberFault::Length));
    assert_eq!(fault("小写x(应规整后接受)"), Err(IdNumberFault::Characters));
    // The check itself knows no date; the caller compares.
    let future = fault("出生日期在将来").unwrap();
    assert!(future.birth_date > NaiveDate::from_ymd_opt(2024, 6, 27).unwrap());
    for name in ["含空格", "全角X", "小写x(应规整后接受)"] {
        let text = normalise_id_number(invalid[name].as_str().unwrap());
        assert!(check_id_number(&text).is_ok(), "{name} after normalising");
    }
}

#[test]
fn old_id_numbers_get_a_century_and_a_check_digit() {
    for (old, new) in vectors()["id_15_to_18"].as_object().unwrap() {
        assert_eq!(upgrade_id_number(old).as_deref(), Ok(new.as_str().unwrap()));
    }
    assert_eq!(upgrade_id_number("99010568041200"), Err(IdNumberFault::Length));
    assert_eq!(upgrade_id_number("990105681312001"), Err(IdNumberFault::BirthDate));
    assert_eq!(upgrade_id_number("99010568041200X"), Err(IdNumberFault::Characters));
}

#[test]
fn credit_codes_follow_both_standards() {
    let vectors = vectors();
    for text in texts(&vectors, "uscc_valid_synthetic").iter().chain(&texts(&vectors, "uscc_valid_published_example")) {
        assert_eq!(check_credit_code(text), Ok(()), "{text}");
    }
    let invalid = &vectors["uscc_invalid"];
    let fault = |name: &str| check_credit_code(invalid[name].as_str().unwrap());
    assert_eq!(fault("校验位错"), Err(CreditCodeFault::CheckCharacter));
    assert_eq!(fault("含禁用字母I"), Err(CreditCodeFault::Characters));
    assert_eq!(fault("长度15(旧注册号)"), Err(CreditCodeFault::Length));
    assert_eq!(check_credit_code("91990105MA4TE0025E"), Err(CreditCodeFault::OrganisationCode));
    for (first_eight, whole) in vectors["org_code_check"].as_object().unwrap() {
        let check = organisation_check_character(first_eight.as_bytes());
        assert_eq!(whole.as_str().unwrap().as_bytes()[8], check, "{first_eight}");
    }
}

#[test]
fn phones_are_normalised_then_judged() {
    let vectors = vectors();
    for text in texts(&vectors, "mobile_synthetic") {
        assert!(is_mobile(&text), "{text}");
    }
    for text in ["1540000000", "12345678901", "０１５４"] {
        assert!(!is_mobile(&normalise_phone(text)) && !is_landline(&normalise_phone(text)), "{text}");
    }
    for (raw, tidy) in [
        ("+86 154 0000 0001", "15400000001"),
        ("154-0000-0001", "15400000001"),
        ("１５４００００００01", "15400000001"),
        ("15400000001、15400000002", "15400000001"),
        ("0731 84000000", "0731-84000000"),
        ("(0731)84000000", "0731-84000000"),
        ("0731-84000000", "0731-84000000"),
        ("84000000", "84000000"),
        ("02084000000", "020-84000000"),
    ] {
        assert_eq!(normalise_phone(raw), tidy, "{raw}");
        assert!(is_mobile(tidy) || is_landline(tidy), "{tidy}");
    }
    assert!(!is_landline("0731-04000000") && !is_landline("731-84000000") && !is_landline(""));
}

#[test]
fn masking_keeps_what_the_duty_circle_may_see() {
    for (name, masked) in
        [("张三", "张*"), ("张小三", "张*三"), ("欧阳小三", "欧阳**"), ("欧阳三", "欧阳*"), ("阿", "*"), ("", "")]
    {
        assert_eq!(mask_name(name), masked, "{name}");
    }
    assert_eq!(mask_id_number("99010519800101001X"), "990105********001X");
    assert_eq!(mask_id_number("GH1234567"), "*********");
    assert_eq!(mask_phone("15400001234"), "154****1234");
    assert_eq!(mask_phone("0731-84000012"), "0731-******12");
    assert_eq!(mask_phone("不详"), "**");
}
