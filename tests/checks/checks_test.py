"""include_lint, tcb_report and docs_check on small trees made here: each finds what it is there to find, and nothing else."""

import importlib.machinery
import importlib.util
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"
CORE = "add_library(sealcall_attestation_core STATIC binding.cpp)\n"


def load(name):
    """A tool as a module; tools have no suffix."""
    loader = importlib.machinery.SourceFileLoader(name, str(TOOLS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class Tree(unittest.TestCase):
    """A repository in a temporary directory."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name).resolve()
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        subprocess.run(["git", "-C", str(self.root), "add", "--", name], check=True)

    def run_tool(self, name, *arguments):
        """(exit status, facts or error text)"""
        done = subprocess.run([sys.executable, "-B", str(TOOLS / name), "--root", str(self.root), "--json", *arguments],
                              capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


class IncludeLint(Tree):
    def setUp(self):
        super().setUp()
        self.write("attestation/CMakeLists.txt", CORE)
        for header in ("attestation/binding.h", "attestation/appraise.h", "enclave/enclave.h", "include/sealcall/base/bytes.h",
                       "enclave/audio/codec.h", "enclave/sandbox/sandbox.h", "host/ui/model.h", "policy/decide.h", "tests/fake.h"):
            self.write(header, "#pragma once\n")
        # The exceptions that must be in use.
        for source in ("host/main.cpp", "host/ui/lock_down.cpp", "attestation/verifier_main.cpp",
                       "enclave/audio/lockdown_sandbox.cpp", "tools/sealcall/launcher/ground.cpp"):
            self.write(source, '#include "enclave/sandbox/sandbox.h"\n')

    def found(self):
        status, facts = self.run_tool("include_lint")
        self.assertEqual(status, 1 if facts["problems"] else 0)
        return [(p["file"], p["include"]) for p in facts["problems"]]

    def test_allows_what_follows_the_arrows(self):
        self.write("enclave/a.cpp", '#include "enclave/enclave.h"\n#include <openssl/ssl.h>\n#include "attestation/binding.h"\n'
                                    '#include "sealcall/base/bytes.h"\n#include "policy/decide.h"\n')
        self.write("tests/t.cpp", '#include "enclave/enclave.h"\n#include <gtest/gtest.h>\n#include "host/ui/model.h"\n')
        self.assertEqual(self.found(), [])

    def test_finds_each_arrow_that_points_the_wrong_way(self):
        wrong = [("host/a.cpp", "enclave/enclave.h"), ("host/b.cpp", "policy/decide.h"), ("host/c.cpp", "host/ui/model.h"),
                 ("host/ui/d.cpp", "enclave/sandbox/sandbox.h"), ("include/sealcall/e.h", "policy/decide.h"),
                 ("policy/f.cpp", "attestation/binding.h"), ("attestation/g.cpp", "enclave/enclave.h"),
                 ("enclave/h.cpp", "enclave/audio/codec.h"), ("enclave/audio/i.cpp", "enclave/enclave.h"),
                 ("enclave/sandbox/j.cpp", "enclave/enclave.h"), ("tools/k.cpp", "enclave/enclave.h"),
                 ("enclave/l.cpp", "tests/fake.h"), ("enclave/m.cpp", "attestation/appraise.h"),
                 ("tools/sealcall/launcher/n.cpp", "enclave/enclave.h")]
        for source, header in wrong:
            self.write(source, f'  # include "{header}"\n')
        self.assertEqual(sorted(self.found()), sorted(wrong))

    def test_follows_a_relative_path_to_where_it_leads(self):
        self.write("host/a.cpp", '#include "../enclave/enclave.h"\n')
        self.assertEqual(self.found(), [("host/a.cpp", "enclave/enclave.h")])

    def test_finds_libraries_where_they_do_not_belong(self):
        wrong = [("host/a.cpp", "nlohmann/json.hpp"), ("enclave/b.cpp", "toml++/toml.h"), ("host/c.cpp", "tss2/tss2_esys.h"),
                 ("enclave/d.cpp", "re.h"), ("policy/e.cpp", "unistd.h"), ("include/sealcall/f.h", "openssl/evp.h"),
                 ("host/ui/g.cpp", "openssl/evp.h"), ("enclave/h.cpp", "boost/any.hpp"), ("enclave/audio/i.cpp", "openssl/evp.h")]
        for source, header in wrong:
            self.write(source, f"#include <{header}>\n")
        self.assertEqual(sorted(self.found()), sorted(wrong))

    def test_wants_exceptions_that_are_used_and_includes_that_lead_somewhere(self):
        self.write("host/main.cpp", '#include "nowhere.h"\n')
        self.assertEqual(self.found(), [("host/main.cpp", "nowhere.h"), ("tools/include_lint", "host/main.cpp")])

    def test_finds_sources_outside_of_all_folders(self):
        self.write("utils/a.cpp", "\n")
        self.assertEqual(self.found(), [("utils/a.cpp", "")])


class TcbReport(unittest.TestCase):
    def setUp(self):
        self.tool = load("tcb_report")

    def test_counts_code_and_neither_blanks_nor_comments(self):
        text = ('// a\n\n/* b\n   c */ int d; // e\nconst char* f = "// no comment"; /* g */\n'
                "char h = '\"'; // i\nint j = 1'000'000; // k\nauto l = R\"(/* raw\n// text)\";\n/** m */\n")
        self.assertEqual(self.tool.code_lines(text), 6)

    def test_says_when_a_budget_is_exceeded_and_when_libraries_differ(self):
        budget = {"lines": {"total": 10, "enclave": 5}, "libraries": ["libc.so.6", "libold.so.1"]}
        same = {"libc.so.6": "/lib/libc.so.6", "libold.so.1": "/lib/libold.so.1"}
        self.assertEqual(self.tool.compare({"enclave": 5, "policy": 5}, same, budget), [])
        self.assertEqual(len(self.tool.compare({"enclave": 6, "policy": 4}, same, budget)), 1)
        self.assertEqual(len(self.tool.compare({"enclave": 5, "policy": 6}, same, budget)), 1)
        problems = self.tool.compare({"enclave": 5}, {"libc.so.6": "/lib/libc.so.6", "libnew.so.2": "/x"}, budget)
        self.assertEqual(len(problems), 2)
        self.assertIn("libnew.so.2", problems[0])
        self.assertIn("libold.so.1", problems[1])

    def test_follows_libraries_of_libraries(self):
        found = self.tool.mapped_libraries(Path(sys.executable).resolve())
        self.assertIn("libc.so.6", found)
        self.assertTrue(all(Path(path).is_file() for path in found.values()))

    def test_counts_the_headers_that_trusted_code_reaches(self):
        with tempfile.TemporaryDirectory() as place:
            root = Path(place)
            for name, text in {"attestation/CMakeLists.txt": CORE, "attestation/binding.cpp": '#include "attestation/binding.h"\n',
                               "attestation/binding.h": '#include "attestation/deep.h"\n', "attestation/deep.h": "int a;\n",
                               "attestation/appraise.h": "int b;\n", "include/a.h": "int c;\n", "policy/b.cpp": "int d;\n",
                               "enclave/c.cpp": "int e;\n", "enclave/audio/d.cpp": "int f;\n"}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            files = self.tool.count(root)
        self.assertEqual(sorted(files["attestation core"]), ["attestation/binding.cpp", "attestation/binding.h", "attestation/deep.h"])
        self.assertEqual(files["enclave"], {"enclave/c.cpp": 1})


class DocsCheck(Tree):
    def setUp(self):
        super().setUp()
        self.write("tools/demo", "")
        self.write("tools/test", "")
        self.write("README.md", "Run tools/demo, tools/test. `sealcall call URI`\n\n# A heading, with `code`\n[a](docs/threat-model.md#1-a)\n")
        self.write("tests/t.cpp", "TEST(A, B) {}\nTEST_F(C, D) {}\nTEST_P(E, F) {}\n")
        self.write("tests/CMakeLists.txt", "add_test(NAME unit_command COMMAND x)\n")
        self.promises = {n: f"### {n}. A\nText.\n\nTests: `A.B`,\n  `E.F`\n\n" for n in range(1, 9)}
        self.program = self.root / "sealcall"
        self.program.write_text("#!/bin/sh\nprintf 'Usage\\n\\nSubcommands:\\n  call      Call `x`\\n'\n")
        self.program.chmod(0o755)

    def found(self, *arguments):
        self.write("docs/threat-model.md", "# Threats\n\n## Promises\n" + "".join(self.promises.values()))
        status, facts = self.run_tool("docs_check", "--program", str(self.program), *arguments)
        self.assertEqual(status, 1 if facts["problems"] else 0)
        return facts["problems"]

    def results(self, cases):
        path = self.root / "results.xml"
        path.write_text("<testsuite>" + "".join(
            f'<testcase name="{name}" status="{status}">{"<skipped/>" if status == "notrun" else ""}</testcase>' for name, status in cases)
            + "</testsuite>")
        return str(path)

    def test_is_content_with_documents_that_tell_the_truth(self):
        ran = self.results([("unit_a.A.B", "run"), ("unit_e.I/E.F/1", "run"), ("unit_e.I/E.F/2", "run")])
        self.assertEqual(self.found("--ran", ran), [])

    def test_finds_dead_links_and_anchors_but_not_in_code(self):
        self.write("docs/a.md", "[x](gone.md) `[c](no.md)` [y](../README.md#nowhere) [z](../README.md#a-heading-with-code)\n"
                                "```\n[d](no.md)\n```\n[e]: also-gone.md\n[w](https://example.com/)\n")
        problems = self.found()
        self.assertEqual(len(problems), 3)
        for problem, word in zip(problems, ("gone.md", "#nowhere", "also-gone.md")):
            self.assertIn(word, problem)

    def test_finds_promises_without_tests_and_tests_that_do_not_exist(self):
        self.promises[3] = "### 3. A\nText.\n\n"
        del self.promises[5]
        self.promises[7] = "### 7. A\nTests: `A.B`,\n  `No.Such`\n\n"
        problems = self.found()
        self.assertEqual(len(problems), 3)
        self.assertIn("promise 3 names no test", problems[0])
        self.assertIn("promise 5 is missing", problems[1])
        self.assertIn("No.Such", problems[2])

    def test_finds_named_tests_that_did_not_run_or_failed(self):
        self.promises = {n: f"### {n}. A\nTests: `A.B`\n" for n in range(1, 9)}
        for status in ("fail", "notrun", "disabled"):
            self.assertEqual(len(self.found("--ran", self.results([("unit.A.B", status)]))), 8)
        self.assertEqual(len(self.found("--ran", self.results([("unit.A.Bee", "run")]))), 8)
        self.promises = {n: f"### {n}. A\nTests: `E.F`\n" for n in range(1, 9)}
        self.assertEqual(len(self.found("--ran", self.results([("u.I/E.F/1", "fail"), ("u.I/E.F/2", "run")]))), 8)

    def test_finds_commands_that_no_page_tells_of(self):
        self.program.write_text("#!/bin/sh\nprintf 'Subcommands:\\n  call      x\\n  hold      x\\n'\n")
        problems = self.found()
        self.assertEqual(len(problems), 1)
        self.assertIn("sealcall hold", problems[0])

    def test_wants_the_two_commands_in_the_readme(self):
        self.write("README.md", "`sealcall call URI` tools/demo\n")
        self.assertEqual(self.found(), ["README.md does not name tools/test"])

    def test_does_not_take_unreadable_results_for_passed_ones(self):
        bad = self.root / "bad.xml"
        bad.write_text("<testsuite>")
        self.found()
        status, text = self.run_tool("docs_check", "--program", str(self.program), "--ran", str(bad))
        self.assertEqual(status, 2)
        self.assertIn("bad.xml", text)


if __name__ == "__main__":
    unittest.main()
