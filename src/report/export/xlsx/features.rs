//! Bars in cells, choices for hands, locked cells, page breaks and pictures.

use rust_xlsxwriter::{
    ConditionalFormatDataBar, ConditionalFormatType, DataValidation, DataValidationRule, ExcelDateTime, Image,
    IntoDataValidationValue, ObjectMovement, ProtectionOptions, Worksheet, XlsxError,
};

use crate::report::features::{Input, Picture};
use crate::report::layout::{Area, CellValue, SheetLayout, column_pixels, row_pixels};

const BAR_COLOR: u32 = 0xA9_C4E9;
/// Between a picture and the borders of its cell.
const PICTURE_MARGIN_PIXELS: f64 = 3.0;

pub(super) fn add(worksheet: &mut Worksheet, sheet: &SheetLayout) -> Result<(), XlsxError> {
    let features = &sheet.features;
    for areas in &features.data_bars {
        let Some(Area { first_row, first_column, last_row, last_column }) = areas.first().copied() else { continue };
        // The length of a bar is its value only when it starts from nothing.
        let bars = ConditionalFormatDataBar::new()
            .set_fill_color(BAR_COLOR)
            .set_solid_fill(true)
            .set_border_off(true)
            .set_minimum(ConditionalFormatType::Number, 0)
            .set_multi_range(areas.iter().map(Area::to_string).collect::<Vec<_>>().join(" "));
        worksheet.add_conditional_format(first_row, first_column, last_row, last_column, &bars)?;
    }
    for (Area { first_row, first_column, last_row, last_column }, input) in &features.inputs {
        worksheet.add_data_validation(*first_row, *first_column, *last_row, *last_column, &validation(input)?)?;
    }
    if features.is_protected {
        // Looking, filtering and making room stay allowed.
        worksheet.protect_with_options(&ProtectionOptions {
            use_autofilter: true,
            format_columns: true,
            format_rows: true,
            ..ProtectionOptions::new()
        });
    }
    if let Some(Area { first_row, first_column, last_row, last_column }) = features.print_area {
        worksheet.set_print_area(first_row, first_column, last_row, last_column)?;
    }
    if !features.page_breaks.is_empty() {
        worksheet.set_page_breaks(&features.page_breaks)?;
    }
    features.pictures.iter().try_for_each(|picture| insert(worksheet, sheet, picture))
}

fn validation(input: &Input) -> Result<DataValidation, XlsxError> {
    let validation = DataValidation::new();
    let (validation, message) = match input {
        Input::OneOf(choices) => (validation.allow_list_strings(choices)?, "请从下拉列表中选择。".to_owned()),
        Input::Whole { at_least, at_most } => (
            validation.allow_whole_number(rule(*at_least, *at_most, i32::MIN)),
            format!("请填写{}整数。", bounds(*at_least, *at_most)),
        ),
        Input::Decimal { at_least, at_most } => (
            validation.allow_decimal_number(rule(*at_least, *at_most, f64::MIN)),
            format!("请填写{}数字。", bounds(*at_least, *at_most)),
        ),
        Input::Date { from, to } => {
            let serial = |days: i32| f64::from(super::serial_day(days).unwrap_or(super::FIRST_SERIAL));
            let date = |days: Option<i32>| days.map(serial).map(ExcelDateTime::from_serial_datetime).transpose();
            let first = ExcelDateTime::from_serial_datetime(super::FIRST_SERIAL)?;
            let shown = |days: &Option<i32>| days.map(|days| CellValue::Date(days).plain());
            (
                validation.allow_date(rule(date(*from)?, date(*to)?, first)),
                format!("请填写{}日期。", bounds(shown(from), shown(to))),
            )
        }
    };
    validation.set_error_title("填写有误")?.set_error_message(message)
}

fn rule<T: IntoDataValidationValue>(at_least: Option<T>, at_most: Option<T>, lowest: T) -> DataValidationRule<T> {
    match (at_least, at_most) {
        (Some(least), Some(most)) => DataValidationRule::Between(least, most),
        (None, Some(most)) => DataValidationRule::LessThanOrEqualTo(most),
        (least, None) => DataValidationRule::GreaterThanOrEqualTo(least.unwrap_or(lowest)),
    }
}

fn bounds<T: std::fmt::Display>(at_least: Option<T>, at_most: Option<T>) -> String {
    match (at_least, at_most) {
        (Some(least), Some(most)) => format!("{least}至{most}的"),
        (Some(least), None) => format!("不小于{least}的"),
        (None, Some(most)) => format!("不大于{most}的"),
        (None, None) => String::new(),
    }
}

/// Fitted into its cell and centred there, in its own proportions.
fn insert(worksheet: &mut Worksheet, sheet: &SheetLayout, picture: &Picture) -> Result<(), XlsxError> {
    let [width, height] = [column_pixels(sheet.widths[usize::from(picture.column)]), row_pixels(picture.height)]
        .map(|pixels| (pixels - 2.0 * PICTURE_MARGIN_PIXELS).max(1.0));
    let image = Image::new_from_buffer(&picture.bytes)?;
    let shrink = (width / image.width()).min(height / image.height());
    let [left, top] = [width - image.width() * shrink, height - image.height() * shrink]
        .map(|spare| (spare / 2.0 + PICTURE_MARGIN_PIXELS) as u32);
    let image = image
        .set_scale_to_size(width, height, true)
        .set_alt_text(&picture.alt_text)
        .set_object_movement(ObjectMovement::MoveAndSizeWithCells);
    worksheet.insert_image_with_offset(picture.row, picture.column, &image, left, top)?;
    Ok(())
}
