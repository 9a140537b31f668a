"""docs/formal and the code name the same array, frames and handlers; README.md there says of every element what it is for; and
tools/model finds a check that is missing in the model, and a model in which nothing happens."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORMAL = ROOT / "docs/formal"
WIRE = (ROOT / "include/sealcall/rats/wire.h").read_text()
RUNS = tomllib.loads((FORMAL / "runs.toml").read_text())
MODEL = (FORMAL / RUNS["model"]).read_text()
PASSPORT = (FORMAL / "passport.pml").read_text()
CODE = RUNS["code"]


def enumerators(name, text):
    body = re.search(rf"enum class {name} : \w+ \{{(.*?)\}};", text, re.DOTALL)[1]
    return re.findall(r"\w+", re.sub(r"//.*", "", body))


def fields(name):
    body = re.search(rf"struct {name} \{{.*?fields\s*=\s*std::tuple\{{(.*?)\}};", WIRE, re.DOTALL)[1]
    return re.findall(rf"&{name}::(\w+)", body)


class ModelAndCode(unittest.TestCase):
    def test_every_signed_value_is_an_element_of_the_model_in_the_same_order(self):
        binding = (ROOT / "attestation/binding.cpp").read_text()
        signed = re.search(r"quote_qualifying_data\(.*?\{(.*?)\n\}", binding, re.DOTALL)[1]
        signed = signed[signed.index("w.array"):]
        words = re.findall(r'text\(("\w+")\)|in\.(\w+)', signed)
        self.assertEqual([a or b for a, b in words], [name for _, name in CODE["elements"]])
        self.assertIn(f"array({len(CODE['elements']) + 1})", signed, "the first of the array is sealcall-attest/1")
        self.assertEqual(fields("BindingInput"), [name for _, name in CODE["elements"][1:]])

    def test_every_element_is_a_switch_of_the_model(self):
        switch = r"^#ifdef WITHOUT_(\w+)\n#define SIGNED_\1 false\n#else\n#define SIGNED_\1 true"
        switches = re.findall(switch, MODEL, re.MULTILINE)
        self.assertEqual(switches, [name for name, _ in CODE["elements"]])
        for name in switches:
            used = MODEL.count(f"SIGNED_{name}") + MODEL.count("ifdef WITHOUT_" + name)
            self.assertGreater(used, 3, f"SIGNED_{name} is never looked at")

    def test_every_frame_is_modelled_or_named_as_left_out(self):
        self.assertEqual(sorted(CODE["frames"] + CODE["frames_left_out"]), sorted(enumerators("FrameType", WIRE)))
        for frame in CODE["frames"]:
            self.assertRegex(MODEL, rf"(?m)^#define {frame}(_0)? ")

    def test_every_field_of_a_hello_is_modelled(self):
        self.assertEqual(sorted(CODE["hello"] + CODE["hello_terms"]), sorted(fields("Hello")))

    def test_states_and_handlers_have_the_names_of_the_code(self):
        states = enumerators("SessionState", (ROOT / "enclave/session.h").read_text())
        handlers = "".join(path.read_text() for path in (ROOT / "enclave").glob("session*.cpp"))
        for state in CODE["states"]:
            self.assertIn(state, states)
            self.assertIn(state, MODEL)
        for handler in CODE["handlers"]:
            self.assertRegex(handlers, rf"Session::{handler}\(")
            self.assertRegex(MODEL, rf"inline {handler}\(")


class Readme(unittest.TestCase):
    def test_every_element_has_a_row_whose_runs_exist(self):
        runs = {run["name"]: run for run in RUNS["run"]}
        text = (FORMAL / "README.md").read_text()
        for element, _ in CODE["elements"]:
            row = re.search(rf"^\| `{element}` \|(.*)$", text, re.MULTILINE)
            self.assertIsNotNone(row, element)
            alone = [r for r in RUNS["run"] if r.get("without") == [element] and "define" not in r and "claims" not in r]
            self.assertEqual(len(alone), 1, element)
            named = [runs[name] for name in re.findall(r"`([a-z0-9+-]+)`", row[1])]
            attacks = [r for r in named if r["result"] != "holds" and (r is alone[0] or r.get("guards") == element)]
            self.assertTrue(attacks, f"{element}: no attack stands in its row")


class Runs(unittest.TestCase):
    def test_no_property_is_vacuous_each_is_broken_by_some_run(self):
        self.assertEqual({run["result"] for run in RUNS["run"]} - {"holds"}, set(RUNS["properties"]))

    def test_properties_have_the_bits_of_the_model(self):
        for model in (MODEL, PASSPORT):
            bits = {n: int(b) for n, b in re.findall(r"(?m)^#define ([A-Z]+) +(\d+) +/\*", model) if n in RUNS["properties"]}
            self.assertEqual(bits, {name: RUNS["properties"][name]["bit"] for name in bits})
            self.assertIn(f"#define CHECKED {sum(bits.values())}\n", model)
        self.assertEqual(re.findall(r"(?m)^#ifdef WITHOUT_(\w+)", PASSPORT), CODE["passport"])


class Tool(unittest.TestCase):
    """On a copy that was changed."""

    def model(self, before, after, *arguments):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            for name in ("runs.toml", "passport.pml"):
                shutil.copy(FORMAL / name, folder)
            self.assertIn(before, MODEL)
            (folder / RUNS["model"]).write_text(MODEL.replace(before, after))
            done = subprocess.run([sys.executable, "-B", str(ROOT / "tools/model"), "--formal", place, *arguments],
                                  capture_output=True, text=True, check=False)
            return done.returncode, done.stdout, done.stderr

    def test_a_check_that_is_missing_in_the_model_is_found(self):
        status, out, _ = self.model("channel_binding(m) == channel_binding(v)", "true", "--json", "--only", "as-built")
        self.assertEqual(status, 1)
        [run] = json.loads(out)["runs"]
        self.assertEqual((run["result"], run["expected"]), ("CHANNEL", "holds"))
        self.assertIn("mallory -> ", "\n".join(run["attack"]))

    def test_a_model_in_which_no_call_comes_about_is_found(self):
        status, out, _ = self.model("expects_verdict(v, 0) && (hers", "false && (hers", "--json", "--only", "as-built")
        self.assertEqual(status, 1)
        [run] = json.loads(out)["runs"]
        self.assertEqual(run["result"], "holds")
        self.assertIn("both accepted and believed", run["goals_missed"])

    def test_a_search_that_does_not_fit_is_not_a_success(self):
        status, out, _ = self.model("CHOSEN_LATER", "CHOSEN_LATER", "--json", "--only", "as-built", "--memory", "36")
        self.assertEqual(status, 1)
        self.assertEqual(json.loads(out)["runs"][0]["result"], "incomplete")

    def test_an_attack_is_told_in_the_words_of_the_code(self):
        status, out, _ = self.model("CHOSEN_LATER", "CHOSEN_LATER", "--show", "WITHOUT_PEER_TLS_SPKI")
        self.assertEqual(status, 0)
        for word in ("Hello{role=caller", "Evidence{AK of ", "KEYS"):
            self.assertIn(word, out)

    def test_an_unknown_run_is_a_wrong_usage(self):
        status, _, err = self.model("CHOSEN_LATER", "CHOSEN_LATER", "--only", "nothing-like-it")
        self.assertEqual(status, 2)
        self.assertIn("--list", err)


if __name__ == "__main__":
    unittest.main()
