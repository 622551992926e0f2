//! Who runs the program, for the record of what is shown unmasked: by the number that the operating system gives the
//! process. Variables of the environment can be set by anyone; they add to it.

use super::environment;
use crate::explain::User;

/// Variables in which systems and `sudo` name a user.
const NAMING: [&str; 5] = ["SUDO_USER", "SUDO_UID", "USER", "LOGNAME", "USERNAME"];
/// What the kernel has for a process that nobody logged in for.
const NO_LOGIN: u32 = u32::MAX;

pub(super) fn who() -> User {
    let environment = environment();
    let said = environment.iter().filter(|(name, _)| NAMING.contains(&name.as_str()));
    let uid = uid();
    User {
        name: uid.and_then(name_of).unwrap_or_default(),
        uid,
        login_uid: number_in("/proc/self/loginuid").filter(|uid| *uid != NO_LOGIN),
        environment: said.map(|(name, value)| format!("{name}={value}")).collect(),
    }
}

fn number_in(path: &str) -> Option<u32> {
    fs_err::read_to_string(path).ok()?.trim().parse().ok()
}

/// The real user of the process; where the system has no such file, the owner of what it writes.
#[cfg(unix)]
fn uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let real = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse().ok());
    real.or_else(|| Some(tempfile::tempfile().ok()?.metadata().ok()?.uid()))
}

#[cfg(not(unix))]
fn uid() -> Option<u32> {
    None
}

fn name_of(uid: u32) -> Option<String> {
    let known = fs_err::read_to_string("/etc/passwd").ok()?;
    known.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2)?.parse() == Ok(uid)).then(|| fields[0].to_owned())
    })
}
