//! The shipped contracts are valid Open Data Contracts, by the published schema where `.ci/run` could fetch it.

use crate::support::{Project, readers, repository};

#[test]
fn the_shipped_contracts_validate_against_the_published_schema() {
    let Some(python) = readers() else { return };
    let script = "\
import glob, json, os, sys, importlib.util, jsonschema, yaml
root = os.path.dirname(importlib.util.find_spec('datacontract').origin)
found = sorted(glob.glob(root + '/**/odcs-3.1*.json', recursive=True))
if not found: print('skipped: the package carries no schema'); sys.exit(0)
schema = json.load(open(found[-1]))
class Loader(yaml.SafeLoader): pass
Loader.yaml_implicit_resolvers = {k: [(t, r) for t, r in v if t != 'tag:yaml.org,2002:timestamp'] for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
bad = 0
for path in sorted(glob.glob('data/contracts/*.odcs.yaml')):
    for error in jsonschema.Draft201909Validator(schema).iter_errors(yaml.load(open(path), Loader)):
        print(path, list(error.path), error.message[:200]); bad = 1
print(len(glob.glob('data/contracts/*.odcs.yaml')), 'contracts')
sys.exit(bad)";
    let output = std::process::Command::new(python)
        .args(["-c", script])
        .current_dir(repository())
        .output()
        .expect("python starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    if let Some(reason) = text.trim().strip_prefix("skipped: ") {
        crate::support::skipped(reason);
    }
}

#[test]
fn mistakes_in_a_contract_are_all_named_with_their_place() {
    let project = Project::new();
    let path = project.path("data/contracts/visits.odcs.yaml");
    let text = std::fs::read_to_string(&path).expect("a contract");
    let text =
        text.replacen("rule: code_list", "rule: code_lst", 1).replacen("to: grids.grid_code", "to: grid.grid_code", 1);
    std::fs::write(&path, text).expect("a contract");
    let run = project.run(&["check"]).expect(1);
    assert!(run.stderr.contains("visits.odcs.yaml:"), "{}", run.stderr);
    assert!(run.stderr.contains("code_lst") && run.stderr.contains("grid"), "{}", run.stderr);
}
