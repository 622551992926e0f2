//! What the documents say is run, not trusted.

use crate::support::{binary, gridhouse, repository};

fn text(name: &str) -> String {
    std::fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_readmes_name_every_command() {
    let help = gridhouse(repository(), &["--help"]).expect(0).stdout;
    let commands = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    let (english, chinese) = (text("README.md"), text("README.zh-CN.md"));
    for command in commands {
        assert!(english.contains(&format!("`{command}`")), "README.md does not name `{command}`");
        assert!(chinese.contains(&format!("`{command}`")), "README.zh-CN.md does not name `{command}`");
    }
}

/// The blocks under "The first hour" are run in order, as a reader would.
#[test]
fn the_first_hour_works_as_written() {
    for name in ["README.md", "README.zh-CN.md"] {
        let readme = text(name);
        let hour = readme.split("<!-- first hour -->").nth(1).expect("a marked part");
        let hour = hour.split("<!-- end of the first hour -->").next().unwrap_or(hour);
        let script: String = hour.split("```sh\n").skip(1).filter_map(|part| part.split("```").next()).collect();
        assert!(script.contains("gridhouse init") && script.contains("gridhouse nightly"), "{script}");
        let folder = tempfile::tempdir().expect("a folder");
        let bin = std::path::Path::new(binary()).parent().expect("a folder");
        let path = format!("{}:{}", bin.display(), std::env::var_os("PATH").unwrap_or_default().to_string_lossy());
        let output = std::process::Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(folder.path())
            .env("PATH", path)
            .env_remove("GRIDHOUSE_PROJECT")
            .output()
            .expect("bash starts");
        assert!(
            output.status.success(),
            "{name}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(folder.path().join("mydistrict/outbox").exists(), "{name}: no report was made");
    }
}

#[test]
fn the_settings_file_shows_every_key() {
    let file: toml::Table = toml::from_str(&text("src/cli/gridhouse.toml")).expect("TOML");
    let source = text("src/settings.rs");
    for (section, keys) in &file {
        for key in keys.as_table().expect("a section").keys() {
            assert!(source.contains(&format!("pub {key}:")), "`{section}.{key}` is no setting");
        }
    }
    let shown: usize = file.values().filter_map(|keys| keys.as_table()).map(toml::Table::len).sum();
    let fields = source.matches("\n    pub ").count() - source.matches("\n    pub fn ").count();
    // Six sections, and the two fields of `Project`.
    assert_eq!(shown, fields - 8, "the settings file shows {shown} keys, the code has {}", fields - 8);
}

/// The guide to templates leaves out no key of the form language, and shows no picture that is not there.
#[test]
fn the_guide_to_templates_names_every_key_and_has_its_pictures() {
    let guide = text("report-templates/README.md");
    let mut keys = 0;
    for (file, structure) in [
        ("reading.rs", "struct SheetFile {"),
        ("reading.rs", "struct ContentsFile {"),
        ("header.rs", "struct NodeFile {"),
        ("header.rs", "struct PictureFile {"),
        ("marks.rs", "struct HighlightFile {"),
        ("marks.rs", "struct DatesFile {"),
        ("chart.rs", "struct Chart {"),
    ] {
        let source = text(&format!("src/report/form/{file}"));
        let fields = source.split(structure).nth(1).and_then(|rest| rest.split("\n}").next()).expect(structure);
        let names = fields.lines().filter_map(|line| line.trim().trim_start_matches("pub ").split_once(": "));
        for (name, _) in names.filter(|(name, _)| !name.starts_with("//")) {
            let name = if name == "emphasis" { "as" } else { name };
            let is_named = guide.contains(&format!("{name}: ")) || guide.contains(&format!("`{name}`"));
            assert!(is_named, "report-templates/README.md does not name `{name}` of {structure}");
            keys += 1;
        }
    }
    assert!(keys > 70, "{keys} keys found");
    let shown: std::collections::BTreeSet<&str> =
        guide.split("](pictures/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let held = std::fs::read_dir(repository().join("report-templates/pictures")).expect("the pictures");
    let held: Vec<String> =
        held.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    for name in &shown {
        assert!(held.iter().any(|held| held == name), "no picture {name}");
    }
    assert_eq!(shown.len(), held.len(), "pictures that are not shown: {held:?}, shown {shown:?}");
}
