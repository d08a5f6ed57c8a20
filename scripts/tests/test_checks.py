"""The checks find what they are for, and leave good code alone."""

import importlib.machinery
import importlib.util
import sys
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SCRIPTS))
sys.dont_write_bytecode = True

from swift_text import mask  # noqa: E402


def script(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(SCRIPTS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


house = script("check-house")
imports = script("check-imports")


def rules(source, path="Sources/HTTP/Example.swift"):
    """The rules broken, with their lines."""
    return [tuple(finding.split(":")[1:3]) for finding in house.findings(path, source)]


class Masking(unittest.TestCase):
    def test_comments_strings_and_raw_identifiers_are_not_code(self):
        for text in ("// try! x", "/* try! /* try! */ try! */", '"try!"', '"""\n try! "x"\n """', '#"try! " \\(try!)"#',
                     '"\\" try!"', "func `try! it`()"):
            self.assertNotIn("try!", mask(text), text)
            self.assertEqual(len(mask(text)), len(text))

    def test_interpolation_is_code(self):
        self.assertIn("try! f(1)", mask('let a = "x \\(try! f(1)) try! y"'))
        self.assertEqual(mask('"\\(f("try!"))" + b').count("try!"), 0)

    def test_code_after_a_literal_is_code(self):
        self.assertIn("try! x", mask('let a = #"\\"#; try! x'))
        self.assertIn("try! x", mask('let a = "\\\\"; try! x'))


class House(unittest.TestCase):
    def test_tasks_leave_the_loop(self):
        for text in ("Task { }", "Task<Void, Never> { }", "Task<A<B>, C>(priority: .low) { }",
                     "Task(priority: .low) { }", "Task.detached { }",
                     "Task.immediate { }", "await Task.sleep(for: x)", "Task\n    .detached { }"):
            self.assertIn(("1", " task"), rules(text), text)
        self.assertEqual(
            rules("Task.isCancelled; Task.yield(); let t: Task<Void, Never>; MyTask { }; loop.sleep(1)"), [])
        self.assertEqual(rules("Task(executorPreference: loop) { }", "Sources/Reactor/EventLoop.swift"), [])

    def test_crashes_and_swallowed_errors(self):
        source = "\nlet a = try! b()\nlet c = d as! E\nlet f = try? g()\nusleep(1)\nDispatchQueue.main"
        self.assertEqual(
            rules(source),
            [("2", " try"), ("3", " cast"), ("4", " try"), ("5", " sleep"), ("6", " dispatch")])
        self.assertEqual(rules("let a = try b(); let c = d as? E; if try !f() {}"), [])

    def test_unsafe_says_why(self):
        self.assertEqual(rules("final class A: @unchecked Sendable {}"), [("1", " unsafe")])
        self.assertEqual(rules("nonisolated(unsafe) var a = 1"), [("1", " unsafe")])
        self.assertEqual(rules("/// Bound to one loop.\nfinal class A: @unchecked Sendable {}"), [])
        self.assertEqual(rules("nonisolated(unsafe) var a = 1  // set before any thread"), [])
        unsafe = "    nonisolated(unsafe) let a = 1\n"
        self.assertEqual(rules("/// Immutable.\nenum A {\n" + unsafe + unsafe), [])
        self.assertEqual(rules("// Why.\nenum A {\n    let c = 1\n" + unsafe), [("4", " unsafe")])
        self.assertEqual(rules("withUnsafeBytes { }; UnsafeRawBufferPointer(x)"), [])

    def test_deinit_closes_nothing(self):
        self.assertEqual(rules("class A {\n    deinit {\n        Glibc.close(fd)\n    }\n}"), [("3", " deinit")])
        self.assertEqual(rules("class A {\n    deinit { free(p) }\n    func end() { close(fd) }\n}"), [])

    def test_lengths(self):
        body = "    x()\n" * house.FUNCTION_LINES
        self.assertEqual(rules("func long(\n    a: Int\n) {\n" + body + "}\n"), [("1", " length")])
        self.assertEqual(rules("init?(a: Int) throws(E) {\n" + body + "}\n"), [("1", " length")])
        self.assertEqual(rules("protocol P {\n    func a(b: Int) -> C\n}\nextension Q {\n" + body + "}\n"), [])
        self.assertEqual(rules("let a = 1\n" * (house.FILE_LINES + 1)), [(str(house.FILE_LINES + 1), " length")])
        self.assertEqual(rules("let a = 1\n" * house.FILE_LINES), [])

    def test_tests_neither_sleep_nor_rest(self):
        path = "Tests/HTTPTests/Example.swift"
        self.assertEqual(rules("Thread.sleep(1)\n@Test(.disabled()) func a() {}\nsleep(1)", path),
                         [("1", " sleep"), ("2", " disabled"), ("3", " sleep")])
        self.assertEqual(rules("func `a sleep(er) is refused`() { try! x }", path), [])
        self.assertEqual(rules("time.sleep(1)", "Tests/Judges/judge.py"), [("1", " sleep")])

    def test_text_of_every_file(self):
        self.assertEqual(rules("TO" "DO: x", "README.md"), [("1", " todo")])
        self.assertEqual(rules("cd /ro" "ot/x", "Makefile"), [("1", " path")])
        self.assertEqual(rules("a \u2014 b", "README.md"), [("1", " dash")])
        self.assertEqual(rules("<" * 7 + " HEAD", "README.md"), [("1", " conflict")])
        self.assertEqual(rules("x" * 121, "scripts/a"), [("1", " width")])
        self.assertEqual(rules("x" * 121, "README.md"), [])
        self.assertEqual(rules("build/home/x and ~/home/", "README.md"), [])


class Imports(unittest.TestCase):
    target = {"name": "JWT", "path": "Sources/JWT", "module_type": "SwiftTarget", "target_dependencies": ["OpenSSL"]}
    suite = {"name": "JWTTests", "path": "Tests/JWTTests", "module_type": "SwiftTarget", "target_dependencies": ["JWT"],
             "product_dependencies": ["GRDB"]}

    def found(self, target, source, path="Sources/JWT/A.swift"):
        return list(imports.import_findings(target, path, source))

    def test_a_transitive_import_is_found_with_its_line(self):
        for line in ("import COpenSSL", "package import COpenSSL", "internal import COpenSSL",
                     "@testable import COpenSSL", "@preconcurrency package import COpenSSL",
                     "import struct COpenSSL.A", "  import COpenSSL"):
            found = self.found(self.target, f"import OpenSSL\n{line}\n")
            self.assertEqual(len(found), 1, line)
            self.assertTrue(found[0].startswith("Sources/JWT/A.swift:2: JWT imports COpenSSL"), found[0])

    def test_direct_ones_pass(self):
        self.assertEqual(self.found(self.target, "package import OpenSSL\n// import Foundation\n"), [])
        self.assertEqual(self.found(self.suite, "@testable import JWT\nimport Testing\nimport GRDB\n"), [])

    def test_dispatch_and_foundation_are_kept_out(self):
        self.assertEqual(len(self.found(self.target, "import Foundation\nimport Dispatch")), 2)
        self.assertEqual(self.found(self.suite, "import Foundation\nimport Dispatch"), [])

    def test_a_c_library_has_one_swift_face(self):
        library = {"name": "COpenSSL", "path": "Sources/COpenSSL", "module_type": "SystemLibraryTarget"}
        face = dict(self.target, name="OpenSSL", path="Sources/OpenSSL", target_dependencies=["COpenSSL"])
        other = dict(face, name="JWT")
        self.assertEqual(list(imports.face_findings([library, face, dict(face, path="Tests/T")])), [])
        self.assertEqual(len(list(imports.face_findings([library, face, other]))), 1)


if __name__ == "__main__":
    unittest.main()
