"""The page of a campaign: stats.json, what was measured, and report.html, both beside the findings."""

import json
import os
import subprocess

from campaign import disk


def write(campaign, bug):
    """Writes both. Prints where the page is, or why there is none: a campaign does not fail for it."""
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
