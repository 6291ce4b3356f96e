"""What a campaign leaves beside its findings: report.html with stats.json, and SARIF and JUnit for other tools."""

import json
import os
import subprocess

from campaign import disk


def write(campaign, bug):
    """Writes them. Prints where the page is, or why there is none: a campaign does not fail for it."""
    _write_for_tools(campaign)
    place = campaign.place
    commit = subprocess.run(["git", "-C", place.root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    stats = {"version": 1, "commit": commit.stdout.strip(), "bug": bug, "seconds": int(campaign.state.used),
             "jobs": campaign.jobs,
             "targets": [{"name": name, "executions": share.executions, "per_second": share.rate,
                          "coverage": share.coverage, "features": share.features, "corpus": inputs}
                         for name, _, share, inputs in campaign.rows()]}
    page = place.findings / "report.html"
    try:
        disk.write(place.findings / "stats.json", json.dumps(stats, indent=1) + "\n")
        written = subprocess.run([place.tool, "report", "--campaign", place.findings, "--readme",
                                  place.root / "README.md", "--output", page], capture_output=True, text=True)
        why = written.stderr.strip() if written.returncode else ""
    except OSError as error:
        why = str(error)
    if why:
        print(f"ci/fuzz: there is no report: {why}")
    else:
        print(f"ci/fuzz: report in {os.path.relpath(page, place.root)}")


def _write_for_tools(campaign):
    place = campaign.place
    words = []
    for name in campaign.state.found:
        raw = os.path.basename(name)
        target = next((word for word in campaign.targets if raw.startswith(f"{word}-")), "")
        words += [name] if name.endswith(".cma") else ["--other-input", f"{name}={_signature(campaign, target, name)}"]
    if not words:
        return
    environment = {key: value for key, value in os.environ.items() if key != "CMACHECK_BUG"}
    written = subprocess.run([place.tool, "run", "-q", *words, "--sarif", place.findings / "findings.sarif", "--junit",
                              place.findings / "findings.xml"], cwd=place.root, env=environment, capture_output=True,
                             text=True)
    if written.returncode > 1:
        print(f"ci/fuzz: findings.sarif and findings.xml could not be written: {written.stderr.strip()}")



def _signature(campaign, target, name):
    """Returns what the target prints of an input; what can be said without that if it prints nothing."""
    what = campaign.findings.root_of(name, campaign.targets)
    return what[len(target) + 2:] if what.startswith(f"{target}: ") else f"crash/{target}"
