#!/usr/bin/env python3
"""Tests campaigns with a target that only behaves like one: stops, kills, full disks, damaged files.

  ci/campaign/campaign_test.py [SEED]    the moments of the random kills are drawn from the seed, which is printed

What must hold each time: every input that the target left is among the findings, or waits to be minimised, and the
same command ends the campaign. Exit: 0 all hold, 1 one does not.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
here = Path(__file__).resolve().parent
root = here.parent.parent
FINDINGS = "bitmap/cma_alloc/end lists/drain/end lists/free/end"
SEED = 0


class CampaignTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="cmacheck-campaign-"))
        self.addCleanup(shutil.rmtree, self.folder)
        binaries = self.folder / "bin"
        binaries.mkdir()
        for name in ("program_fuzzer", "bitmap_fuzzer"):
            (binaries / name).symlink_to(here / "fake_target.py")
        self.ledger = self.folder / "ledger"
        self.ledger.touch()
        self.clock = self.folder / "clock"
        self.clock.touch()
        self.environment = dict(os.environ, CMACHECK_BINARIES=str(binaries), CMACHECK_TOOL=str(here / "fake_tool.py"),
                                CMACHECK_FOLDER=str(self.folder), CMACHECK_TICK="0.05", FAKE_LEDGER=str(self.ledger),
                                CMACHECK_CLOCK=str(self.clock),
                                CMACHECK_SEEDS=str(self.folder / "seed-corpus"), CMACHECK_KNOWN="")
        (self.folder / "seed-corpus").mkdir()
        (self.folder / "seed-corpus/one.cma").write_text("one")

    def start(self, seconds=2, arguments=("--target", "program_fuzzer"), **variables):
        command = [root / "ci/fuzz", "--seconds", str(seconds), "--jobs", "1", *arguments]
        return subprocess.Popen(command, env=dict(self.environment, **variables), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def hunt(self, **given):
        process = self.start(**given)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def seconds(self):
        """What targets have hunted so far. All seconds of a campaign here are such: the machine may be busy."""
        return self.clock.stat().st_size / 100

    def let_it_hunt(self, process, seconds):
        until = self.seconds() + seconds
        while self.seconds() < until:
            self.assertIsNone(process.poll(), "the campaign has ended")
            time.sleep(0.05)

    def findings(self):
        return sorted(path.name for path in (self.folder / "findings").glob("*.cma"))

    def expect_no_loss(self, output=""):
        """Every input that was left is kept, waiting or dealt with."""
        kept = {path.name for part in ("incoming", "raw") for path in (self.folder / "findings" / part).glob("*")}
        self.assertLessEqual(set(self.ledger.read_text().split()), kept, output)
        for path in self.folder.rglob("*.cma"):
            self.assertNotEqual(path.read_text(), "", f"{path} is half written")

    def expect_end(self, seconds=2):
        """The same command goes on until the end, and has every finding."""
        code, output = self.hunt(seconds=seconds, FAKE_FINDINGS=FINDINGS)
        self.assertEqual(code, 1, output)
        self.expect_no_loss(output)
        self.assertEqual(len(self.findings()), 3, output)
        self.assertEqual(list((self.folder / "findings/incoming").iterdir()), [])
        self.assertEqual(list(self.folder.rglob("*.aside")), [])

    # ---- Without trouble ----

    def test_without_a_finding_it_ends_with_0(self):
        code, output = self.hunt()
        self.assertEqual(code, 0, output)
        self.assertIn("ci/fuzz: no findings\n", output)

    def test_it_goes_on_past_findings_and_groups_them_by_root(self):
        code, output = self.hunt(FAKE_FINDINGS=FINDINGS)
        self.assertEqual(code, 1, output)
        self.assertIn("ci/fuzz: 2 findings in ", output)
        self.assertIn("    also as  ", output)
        self.expect_no_loss(output)

    def test_inputs_of_one_signature_are_one_finding(self):
        code, output = self.hunt(arguments=("--target", "bitmap_fuzzer"), FAKE_FINDINGS="bitmap/answer*")
        self.assertEqual(code, 1, output)
        self.assertIn("ci/fuzz: 1 finding in ", output)
        self.assertIn("  bitmap_fuzzer: bitmap/answer\n", output)
        self.assertIn("    also as  ", output)
        self.expect_no_loss(output)

    def test_known_findings_are_passed_over(self):
        code, output = self.hunt(FAKE_FINDINGS=FINDINGS, CMACHECK_KNOWN=",".join(FINDINGS.split()))
        self.assertEqual(code, 0, output)
        self.assertEqual(self.findings(), [])

    def test_a_finding_that_the_target_keeps_itself_is_one_of_the_campaign(self):
        (self.folder / "findings").mkdir()
        kept = self.folder / "findings/judge-cma_alloc-bitmap.cma"
        code, output = self.hunt(arguments=("--target", "bitmap_fuzzer"), FAKE_FINDINGS="judge/cma_alloc/bitmap",
                                 FAKE_KEEPS=str(kept))
        self.assertEqual(code, 1, output)
        self.assertRegex(output, rf"again    ci/cmacheck judge --release 6.1 \S*{kept.name}\n")
        self.expect_no_loss(output)

    def test_the_kernel_is_hunted_on_request_only(self):
        process = subprocess.run([root / "ci/fuzz", "--list"], capture_output=True, text=True, env=self.environment)
        self.assertNotIn("kernel_fuzzer", process.stdout)
        for arguments, says in ((("--engine", "afl"), "libFuzzer only"), ((), "no kernel '6.5-p9'")):
            code, output = self.hunt(arguments=("--target", "kernel_fuzzer", *arguments), CMACHECK_KERNEL="6.5-p9")
            self.assertEqual(code, 2, output)
            self.assertIn(says, output)

    def test_targets_share_the_time_by_weight(self):
        code, output = self.hunt(seconds=2, arguments=())
        self.assertEqual(code, 0, output)
        self.assertIn("\nprogram_fuzzer ", output)
        self.assertIn("\nbitmap_fuzzer ", output)

    def test_bad_usage_ends_with_2(self):
        for arguments in (("--seconds", "0"), ("--jobs", "x"), ("--target", "nosuch"), ("--nosuch",),
                          ("--bug", "nosuch"), ("--engine", "nosuch")):
            code, output = self.hunt(arguments=arguments)
            self.assertEqual(code, 2, f"{arguments}: {output}")

    # ---- Stops ----

    def test_any_signal_stops_it_and_the_same_command_goes_on(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                process = self.start(seconds=6, FAKE_FINDINGS=FINDINGS)
                self.let_it_hunt(process, 0.5)
                process.send_signal(number)
                output, _ = process.communicate(timeout=60)
                self.assertIn("the same command goes on, ", output)
                self.expect_no_loss(output)
        code, output = self.hunt(seconds=6, FAKE_FINDINGS=FINDINGS)
        self.assertIn("ci/fuzz: goes on with the campaign that had ", output)
        self.assertEqual(code, 1, output)
        self.assertEqual(len(self.findings()), 3, output)

    def test_a_campaign_that_was_stopped_has_only_the_time_left(self):
        process = self.start(seconds=4)
        self.let_it_hunt(process, 2)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        before = self.seconds()
        self.assertEqual(self.hunt(seconds=4)[0], 0)
        self.assertIn('"done": true', (self.folder / "fuzz/state.json").read_text())
        self.assertLess(self.seconds() - before, 3)

    def test_a_kill_before_and_after_each_step_loses_nothing(self):
        for moment in range(1, 200):
            process = self.start(seconds=1, FAKE_FINDINGS=FINDINGS, CMACHECK_DIE_AT=str(moment))
            output, _ = process.communicate(timeout=60)
            if process.returncode != -signal.SIGKILL:
                break
            self.expect_no_loss(f"moment {moment}: {output}")
        self.assertGreater(moment, 10, "the campaign has passed too few steps")
        self.expect_end(seconds=1)

    def test_kills_at_random_moments_lose_nothing(self):
        moments = random.Random(SEED)
        for kill in range(20):
            process = self.start(seconds=20, FAKE_FINDINGS=FINDINGS)
            time.sleep(moments.uniform(0.05, 1.0))
            process.kill()
            output, _ = process.communicate(timeout=60)
            self.expect_no_loss(f"seed {SEED}, kill {kill}: {output}")
        self.expect_end(seconds=20)

    def test_workers_that_are_killed_are_replaced(self):
        process = self.start(seconds=3, FAKE_FINDINGS=FINDINGS)
        for _ in range(2):
            self.let_it_hunt(process, 0.5)
            subprocess.run(["pkill", "-KILL", "-f", f"artifact_prefix={self.folder}"])
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, output)
        self.expect_no_loss(output)
        self.assertEqual(len(self.findings()), 3, output)

    # ---- Trouble on disk ----

    def test_a_disk_that_is_full_at_any_step_stops_it_and_loses_nothing(self):
        for step in range(1, 100):
            code, output = self.hunt(seconds=1, FAKE_FINDINGS=FINDINGS, CMACHECK_FULL_AT=str(step))
            self.expect_no_loss(f"step {step}: {output}")
            self.assertNotIn("Traceback", output)
            if code != 3:
                break
            self.assertIn("No space left on device", output)
        self.assertGreater(step, 5, "the campaign has passed too few steps")
        self.expect_end(seconds=1)

    def test_it_stops_while_there_is_still_room(self):
        code, output = self.hunt(CMACHECK_LEAST_ROOM=str(1 << 60))
        self.assertEqual(code, 3, output)
        self.assertIn("MiB left; the campaign stops", output)
        self.assertEqual(self.hunt()[0], 0)

    def test_what_cannot_be_read_is_put_aside(self):
        corpus = self.folder / "fuzz/corpus/program_fuzzer"
        corpus.mkdir(parents=True)
        (corpus / "nowhere").symlink_to("no-such-file")
        os.mkfifo(corpus / "fifo")
        code, output = self.hunt()
        self.assertEqual(code, 0, output)
        self.assertEqual(output.count("cannot be read: moved to"), 2, output)

    def test_a_damaged_state_is_put_aside(self):
        (self.folder / "fuzz").mkdir()
        for content in ("{", "[]", '{"version": 1, "used": "x", "nosuch": 1}', '{"version": 99}'):
            (self.folder / "fuzz/state.json").write_text(content)
            code, output = self.hunt(seconds=1)
            self.assertEqual(code, 0, output)
            self.assertIn("it is now state.damaged", output)

    def test_a_reduction_that_was_interrupted_keeps_the_corpus(self):
        old = self.folder / "fuzz/corpus/program_fuzzer.old"
        old.mkdir(parents=True)
        (old / "learnt").write_text("learnt")
        self.assertEqual(self.hunt(seconds=1)[0], 0)
        self.assertTrue((self.folder / "fuzz/corpus/program_fuzzer/learnt").exists())

    def test_a_large_corpus_is_reduced(self):
        corpus = self.folder / "fuzz/corpus/program_fuzzer"
        corpus.mkdir(parents=True)
        for i in range(40):
            (corpus / f"i{i:02}").write_text(str(i))
        self.assertEqual(self.hunt(seconds=1, CMACHECK_MOST_INPUTS="30")[0], 0)
        self.assertEqual(len(list(corpus.glob("i*"))), 2)

    def test_an_input_that_stops_the_target_of_a_reduction_is_a_finding(self):
        corpus = self.folder / "fuzz/corpus/program_fuzzer"
        corpus.mkdir(parents=True)
        for name in ("a", "b", "crash"):
            (corpus / name).write_text(name)
        code, output = self.hunt(seconds=1, CMACHECK_MOST_INPUTS="2")
        self.assertEqual(code, 1, output)
        self.assertEqual(len(self.ledger.read_text().split()), 1)
        self.assertFalse((corpus / "crash").exists())
        self.expect_no_loss(output)

    def test_a_signal_ends_a_reduction(self):
        corpus = self.folder / "fuzz/corpus/program_fuzzer"
        corpus.mkdir(parents=True)
        (corpus / "a").write_text("endless")
        process = self.start(CMACHECK_MOST_INPUTS="0")
        log = self.folder / "fuzz/logs/program_fuzzer.merge.txt"
        while not log.exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
        self.assertIn("could not be reduced: it was stopped", output)
        self.assertTrue((corpus / "a").exists())

    # ---- Trouble with targets ----

    def test_a_seed_that_hangs_is_a_finding_once(self):
        (self.folder / "seed-corpus/hang.cma").write_text("hang")
        code, output = self.hunt(arguments=("--target", "bitmap_fuzzer"))
        self.assertEqual(code, 1, output)
        self.assertEqual(len(self.ledger.read_text().split()), 1, "the seed was taken out")
        self.expect_no_loss(output)

    def test_a_target_that_only_stops_is_given_up(self):
        code, output = self.hunt(FAKE_BROKEN="1")
        self.assertEqual(code, 1, output)
        self.assertIn("stops without leaving an input", output)

    def test_two_campaigns_do_not_share_a_folder(self):
        first = self.start(seconds=20)
        self.let_it_hunt(first, 0.1)
        code, output = self.hunt()
        self.assertEqual(code, 3, output)
        self.assertIn("another campaign hunts in", output)
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)


if __name__ == "__main__":
    given = len(sys.argv) > 1 and sys.argv[1].isdecimal()
    SEED = int(sys.argv.pop(1)) if given else random.SystemRandom().randrange(10**6)
    print(f"seed {SEED}", flush=True)
    unittest.main(verbosity=1)
