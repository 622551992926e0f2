//! The interactive SQL shell in a real terminal (`tmux`): prompts, completion, history, timing, Ctrl-C.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Project, binary};

/// A shell in a terminal of its own, 110 columns wide.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// `None` where the machine has no `tmux`.
    fn open(project: &Project, name: &str) -> Option<Self> {
        let terminal = Self { socket: format!("gridhouse-{name}-{}", std::process::id()) };
        let shell = format!("NO_COLOR=1 {} sql; echo left with $?; sleep 60", binary());
        let started = terminal
            .tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "110", "-y", "50"])
            .arg("-c")
            .arg(project.root())
            .arg(shell)
            .status();
        started.is_ok_and(|status| status.success()).then_some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-L", &self.socket]).args(arguments).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Types text, then presses a key such as `Enter`.
    fn send(&self, text: &str, key: &str) {
        // A semicolon at the end would end tmux's own command.
        let text = text.strip_suffix(';').map_or(text.to_owned(), |text| format!("{text}\\;"));
        assert!(self.tmux(&["send-keys", "-l", &text]).status().expect("tmux").success());
        self.press(key);
    }

    fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]).status().expect("tmux").success());
    }

    fn screen(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p", "-S", "-200"]).output().expect("tmux");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    fn await_text(&self, text: &str) -> String {
        let started = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "no `{text}` on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.tmux(&["kill-server"]).status());
    }
}

#[test]
fn the_shell_answers_completes_remembers_and_cancels() {
    let project = Project::sample();
    let Some(terminal) = Terminal::open(&project, "first") else {
        crate::support::skipped("no tmux");
        return;
    };
    terminal.await_text("`\\?` for help");
    terminal.send("\\d population_by_place", "Enter");
    terminal.await_text("population_by_grid");

    // A statement goes on until its semicolon; a name is completed by Tab.
    terminal.send("SELECT count(*) * 1000 + 7 AS answer", "Enter");
    terminal.await_text("...>");
    terminal.send("FROM holida", "Tab");
    terminal.await_text("FROM holidays");
    terminal.send(";", "Enter");
    let screen = terminal.await_text("143007");
    assert!(screen.contains("answer"), "{screen}");
    terminal.await_text("1 row, ");

    terminal.send("SELECT nothing FROM holidays;", "Enter");
    terminal.await_text("no column `nothing`");

    // Longer than anybody waits; the shell goes on after Ctrl-C.
    terminal.send(
        "SELECT count(*) FROM residents a, residents b, residents c, residents d WHERE a.name < b.name;",
        "Enter",
    );
    std::thread::sleep(Duration::from_millis(500));
    terminal.press("C-c");
    terminal.await_text("cancelled");
    terminal.send("SELECT 40 + 2 AS still_here;", "Enter");
    terminal.await_text("still_here");
    terminal.send("\\q", "Enter");
    terminal.await_text("left with 0");

    let again = Terminal::open(&project, "again").expect("tmux");
    again.await_text("`\\?` for help");
    again.press("Up");
    again.press("Up");
    again.await_text("still_here");
}
