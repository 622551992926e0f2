//! Killed at any moment, then run again: the same tables and the same reports as an undisturbed night.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{AS_OF, Project, contents, copy, repository};

/// The rows of every landed table and the quarantine, whatever files they lie in.
fn tables(project: &Project) -> Vec<(String, String)> {
    let listed = project.run(&["sql", "-c", "\\d"]).expect(0).stdout;
    let names = listed.lines().skip(1).take_while(|line| line.starts_with("  "));
    names
        .map(|line| line.split_whitespace().next().expect("a name").to_owned())
        .filter(|name| !["runs"].contains(&name.as_str()))
        .map(|name| {
            // When a batch was recorded is the clock's, everything else must be equal.
            let columns = project.sql(&format!(
                "SELECT column_name FROM information_schema.columns WHERE table_name = '{name}' AND column_name <> 'landed_at' ORDER BY 1"
            ));
            let list = columns.lines().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
            let rows = project.sql(&format!("SELECT {list} FROM \"{name}\" ORDER BY {list}"));
            (name, rows)
        })
        .collect()
}

fn reports(project: &Project) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    contents(&project.path("outbox"))
}

fn ready() -> Project {
    let project = Project::new();
    copy(&repository().join("data/sample"), &project.path("inbox"));
    project
}

/// A project whose deliveries have faults, so that the quarantine is written too.
fn ready_dirty() -> Project {
    let project = Project::new();
    project.run(&["generate", "--out", "inbox", "--scale", "0.002", "--dirty", "0.03"]).expect(0);
    project
}

#[test]
fn a_killed_night_run_again_equals_an_undisturbed_one() {
    let undisturbed = ready_dirty();
    let clock = Instant::now();
    undisturbed.run(&["nightly", "--as-of", AS_OF]).expect(0);
    let whole = clock.elapsed();
    let (tables_expected, reports_expected) = (tables(&undisturbed), reports(&undisturbed));
    assert!(tables_expected.iter().any(|(name, rows)| name == "residents" && rows.lines().count() > 1_000));
    assert!(tables_expected.iter().any(|(name, rows)| name == "quarantine" && rows.lines().count() > 20));
    assert!(reports_expected.len() > 100);

    // Seeded points over the length of a night; each is killed twice before it may finish.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut point = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Other tests may have slowed the night that was measured, and the later ones run faster.
        whole.mul_f64((state % 850) as f64 / 1_000.0)
    };
    let mut killed = 0;
    for _ in 0..6 {
        let project = ready_dirty();
        for _ in 0..2 {
            let mut child = crate::support::command(project.root(), &["nightly", "--as-of", AS_OF])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the binary starts");
            std::thread::sleep(point().max(Duration::from_millis(5)));
            if child.try_wait().expect("a child").is_none() {
                killed += 1;
            }
            // SIGKILL.
            drop(child.kill());
            child.wait().expect("a child");
        }
        project.run(&["nightly", "--as-of", AS_OF]).expect(0);
        for ((name, expected), (other, rows)) in tables_expected.iter().zip(tables(&project)) {
            assert_eq!(name, &other);
            assert!(expected == &rows, "table `{name}` differs after a killed night");
        }
        let found = reports(&project);
        let names = |files: &[(std::path::PathBuf, Vec<u8>)]| files.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
        assert_eq!(names(&reports_expected), names(&found));
        for (expected, found) in reports_expected.iter().zip(&found) {
            assert!(expected.1 == found.1, "{} differs after a killed night", expected.0.display());
        }
        project.run(&["fsck"]).expect(0);
    }
    assert!(killed >= 6, "only {killed} nights were killed while running");
}

#[test]
fn an_unreadable_inbox_changes_nothing_and_says_so() {
    let project = ready();
    std::fs::remove_dir_all(project.path("inbox")).expect("removed");
    std::fs::write(project.path("inbox"), "not a folder").expect("a file");
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(2);
    assert!(run.stderr.contains("inbox"), "{}", run.stderr);
}

/// A file system too small for the night, where the machine lets this user mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    let small = tempfile::tempdir().expect("a folder");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(small.path())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        crate::support::skipped("this user may not mount a small file system");
        return;
    }
    let project = ready();
    let settings = std::fs::read_to_string(project.path("gridhouse.toml")).expect("settings");
    let folder = format!("warehouse = \"{}\"", small.path().join("warehouse").display());
    let settings = settings.replace("warehouse = \"warehouse\"", &folder);
    std::fs::write(project.path("gridhouse.toml"), &settings).expect("settings");
    let filler = small.path().join("filler");
    std::fs::write(&filler, vec![0; 2_700_000]).expect("a filler");
    let run = project.run(&["nightly", "--as-of", AS_OF]);
    assert_ne!(run.code, 0, "{}", run.stdout);
    assert!(run.stderr.contains("No space left"), "{}", run.stderr);
    std::fs::remove_file(&filler).expect("removed");
    drop(std::process::Command::new("mount").args(["-o", "remount,size=200m"]).arg(small.path()).status());
    // What found no space is still in the inbox.
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    let undisturbed = Project::sample();
    let count = "SELECT count(*), count(DISTINCT resident_id) FROM residents";
    assert_eq!(project.sql(count), undisturbed.sql(count));
    project.run(&["fsck"]).expect(0);
    drop(std::process::Command::new("umount").arg(small.path()).status());
}
