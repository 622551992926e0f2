//! The whistle clock over a generated district: every limit and rate found again day by day, by other means than ours;
//! years without their days off; tables older than the columns of the clock.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta};

use crate::support::{AS_OF, Project, copy, repository};

/// The days off and make-up days as landed.
struct Calendar {
    rest: BTreeSet<NaiveDate>,
    work: BTreeSet<NaiveDate>,
}

impl Calendar {
    fn of(project: &Project) -> Self {
        let (mut rest, mut work) = (BTreeSet::new(), BTreeSet::new());
        for line in project.sql("SELECT date, kind FROM holidays").lines() {
            let (date, kind) = line.split_once(',').expect("two columns");
            let days = if kind == "休" { &mut rest } else { &mut work };
            days.insert(date.parse().expect("a date"));
        }
        assert!(rest.len() > 80 && work.len() > 20);
        Self { rest, work }
    }

    fn is_working(&self, day: NaiveDate) -> bool {
        self.work.contains(&day) || (day.weekday().num_days_from_monday() < 5 && !self.rest.contains(&day))
    }

    /// Walks from day to day; the first does not count.
    fn after(&self, start: NaiveDateTime, amount: u64, unit: &str) -> NaiveDateTime {
        match unit {
            "小时" => start + TimeDelta::hours(amount as i64),
            "自然日" => start + Days::new(amount),
            "工作日" => {
                let mut end = start;
                for _ in 0..amount {
                    end = end + Days::new(1);
                    while !self.is_working(end.date()) {
                        end = end + Days::new(1);
                    }
                }
                end
            }
            other => panic!("no limit of the shipped list is in {other}"),
        }
    }
}

fn moment(text: &str) -> Option<NaiveDateTime> {
    (!text.is_empty()).then(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").expect("a moment"))
}

/// Amount and unit by level and step, of the shipped list, which has one row for each.
fn limits(project: &Project) -> BTreeMap<(String, String), (u64, String)> {
    let rows = project.sql("SELECT level, step, CAST(amount AS BIGINT), unit FROM whistle_limits");
    let limits: BTreeMap<_, _> = rows
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let limit = (cells[2].parse().expect("a number"), cells[3].to_owned());
            ((cells[0].to_owned(), cells[1].to_owned()), limit)
        })
        .collect();
    assert_eq!(limits.len(), 6);
    limits
}

#[test]
fn limits_and_rates_are_found_again_day_by_day() {
    let project = Project::new();
    project.run(&["generate", "--out", "inbox", "--scale", "0.06"]).expect(0);
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    let (days, limits) = (Calendar::of(&project), limits(&project));
    let limit = |level: &str, step: &str| {
        let (amount, unit) = &limits[&(level.to_owned(), step.to_owned())];
        (*amount, unit.as_str())
    };
    let end = moment("2024-06-28T00:00:00").expect("a moment");
    let happened = |at: Option<NaiveDateTime>| at.filter(|at| *at < end);

    // Tasks: what is due and what was in time, per unit, of those sent out this year.
    let rows = project.sql(
        "SELECT t.whistle_id, t.department, t.role, w.level, w.status, t.dispatched_at, t.responded_at, t.arrived_at, \
         t.returned_at, w.suspended_at FROM whistle_tasks t JOIN whistles w ON w.whistle_id = t.whistle_id",
    );
    let mut counted: BTreeMap<String, [u32; 4]> = BTreeMap::new();
    // When a whistle that was sent back went to the unit that took it over.
    let mut taken_over: BTreeMap<String, NaiveDateTime> = BTreeMap::new();
    let mut sent_back: BTreeSet<String> = BTreeSet::new();
    for line in rows.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let (whistle, unit, level) = (cells[0].to_owned(), cells[1].to_owned(), cells[3]);
        let (dispatched, signed, arrived) = (moment(cells[5]).expect("dispatched"), moment(cells[6]), moment(cells[7]));
        assert_ne!(cells[4], "已作废");
        assert_eq!(cells[9], "", "no clock of so small a district stands; one that does is tested beside the function");
        if moment(cells[8]).is_some() {
            sent_back.insert(whistle);
            continue;
        }
        if cells[2] == "主办" {
            taken_over.insert(whistle, dispatched);
        }
        if dispatched.year() < 2024 {
            continue;
        }
        let counts = counted.entry(unit).or_default();
        for (at, step, done) in [(0, "签收", signed), (2, "到场", arrived)] {
            let (amount, of) = limit(level, step);
            let due = days.after(dispatched, amount, of);
            let is_in_time = happened(done).is_some_and(|done| done <= due);
            counts[at] += u32::from(is_in_time || due < end);
            counts[at + 1] += u32::from(is_in_time);
        }
    }
    let ours = project.sql(
        "SELECT department, response_due_count_year, response_in_time_count_year, arrival_due_count_year, \
         arrival_in_time_count_year FROM whistle_by_department WHERE row_level = 'unit' AND new_count_year > 0",
    );
    let mut total = [0; 4];
    for line in ours.lines() {
        let (unit, counts) = line.split_once(',').expect("columns");
        let counts: Vec<u32> = counts.split(',').map(|count| count.parse().expect("a count")).collect();
        let found = counted.remove(unit).unwrap_or_default();
        assert_eq!(counts, found, "{unit}");
        for (total, count) in total.iter_mut().zip(found) {
            *total += count;
        }
    }
    assert!(counted.is_empty(), "{counted:?}");
    assert!(total[0] > 300 && total[0] > total[1] && total[2] > total[3], "{total:?}");

    // Whistles: where the rule sets the limit.
    let rows = project.sql(
        "SELECT w.whistle_id, w.level, w.reported_at, w.extended_to, c.rule_due_at, c.due_at FROM whistles w \
         JOIN whistle_clock_list c ON c.whistle_id = w.whistle_id",
    );
    let (mut restarted, mut extended) = (0, 0);
    for line in rows.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let start = match sent_back.contains(cells[0]) {
            true => taken_over[cells[0]],
            false => moment(cells[2]).expect("reported"),
        };
        restarted += u32::from(sent_back.contains(cells[0]));
        let (amount, unit) = limit(cells[1], "办结");
        let due = days.after(start, amount, unit);
        let due = moment(cells[3]).map_or(due, |to| to.max(due));
        extended += u32::from(!cells[3].is_empty());
        assert_eq!(moment(cells[4]), Some(due), "{line}");
        assert_eq!(moment(cells[5]), Some(due), "delivered: {line}");
    }
    assert!(rows.lines().count() > 900 && restarted > 3 && extended > 10, "{restarted} {extended}");
}

#[test]
fn working_days_that_are_guessed_are_said_to_be() {
    let project = Project::new();
    let shipped = std::fs::read_to_string(project.path("data/reference/holidays.csv")).expect("the shipped list");
    let until_2024: Vec<&str> =
        shipped.lines().filter(|line| !line.starts_with("2025") && !line.starts_with("2026")).collect();
    project.write("data/reference/holidays.csv", until_2024.join("\n"));
    copy(&repository().join("data/sample"), &project.path("inbox"));
    let night = |date: &str| {
        let run = project.run(&["nightly", "--as-of", date]).expect(0);
        let brief = project.path("outbox").join(date).join("每日要情.md");
        (run.stderr, std::fs::read_to_string(brief).expect("a brief"))
    };
    let note = "2025年放假安排尚未导入，工作日暂按周一至周五推算";
    assert!(!night(AS_OF).1.contains("尚未导入"));
    // Limits of the last days of December end in a year whose list is not known yet; in January so does everything.
    let missing = "SELECT year FROM working_calendar_missing";
    for (date, found) in [("2024-12-20", ""), ("2025-01-05", "2025")] {
        let (said, brief) = night(date);
        assert!(brief.contains(note) && said.contains("the days off of 2025 have not landed"), "{date}: {said}");
        assert_eq!(project.sql(missing), found);
    }
    // The new year's list alone; the years before stay.
    let count = "SELECT count(*) FROM holidays WHERE date < DATE '2025-01-01'";
    let before = project.sql(count);
    let list: Vec<&str> = shipped.lines().filter(|line| line.starts_with("date") || line.starts_with("2025")).collect();
    project.write("inbox/holidays_2025.csv", list.join("\n"));
    let (said, brief) = night("2025-01-06");
    assert!(!brief.contains("尚未导入") && !said.contains("have not landed"), "{said}");
    assert_eq!(project.sql(missing), "");
    assert_eq!(project.sql(count), before);
    // Saturday 25 January is off, Sunday 26 is worked: one working day after Friday 24.
    let due = "SELECT add_working_time('2025-01-24 10:00:00', 1, '工作日')";
    assert_eq!(project.sql(due), "2025-01-26T10:00:00");
    // The reference list, which is looked at every night, takes nothing back.
    night("2025-01-07");
    assert_eq!(project.sql(due), "2025-01-26T10:00:00");
}

/// A snapshot taken before a column was in the contract can still be read, and its reports made again.
#[test]
fn tables_older_than_a_column_of_their_contract_are_read_without_it() {
    let project = Project::new();
    let contract = project.path("data/contracts/whistles.odcs.yaml");
    let current = std::fs::read_to_string(&contract).expect("a contract");
    let start = current.find("      - name: extended_to").expect("the first of the three");
    let end = current.find("      - name: extension_count").expect("the column behind them");
    std::fs::write(&contract, [&current[..start], &current[end..]].concat()).expect("a contract");
    copy(&repository().join("data/sample"), &project.path("inbox"));
    // The views read columns that are not there.
    project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    std::fs::write(&contract, current).expect("a contract");
    let (rows, suspended) = (project.sql("SELECT count(*) FROM whistles"), "SELECT count(suspended_at) FROM whistles");
    assert!(rows.parse::<u32>().is_ok_and(|rows| rows > 30), "{rows}");
    assert_eq!(project.sql(suspended), "0");
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    project.run(&["report", "whistle_handling", "--as-of", AS_OF]).expect(0);
}
