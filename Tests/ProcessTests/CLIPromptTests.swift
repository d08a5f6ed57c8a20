import Foundation
import Glibc
import TestSupport
import Testing

extension ProcessTests {
    /// Commands at a terminal.
    struct CLIPromptTests {
        static let password = "a-password-typed-by-hand"

        @Test func `a password is asked for twice, and nobody sees it`() async throws {
            let installation = try Installation()
            let server = try await installation.start()
            let terminal = try Terminal()
            let child = try installation.command(["user", "set-password", "admin"], terminal: terminal.path)
            await terminal.shows("New password for admin:")
            #expect(!terminal.echoes)
            terminal.type(CLIPromptTests.password + "\n")
            await terminal.shows("The same again:")
            #expect(!terminal.echoes)
            terminal.type(CLIPromptTests.password + "\n")
            await terminal.shows("admin has another password")
            #expect(await child.ended() == .exit(0))
            #expect(terminal.echoes)
            #expect(!terminal.text.contains(CLIPromptTests.password))
            #expect(try server.client().login(CLIPromptTests.password)?.status == 200)
        }

        @Test func `two passwords that differ change nothing`() async throws {
            let installation = try await Installation.stopped()
            let terminal = try Terminal()
            let child = try installation.command(["user", "add", "ada", "--ask-password"], terminal: terminal.path)
            await terminal.shows("New password for ada:")
            terminal.type(CLIPromptTests.password + "\n")
            await terminal.shows("The same again:")
            terminal.type(CLIPromptTests.password + "x\n")
            #expect(await child.ended() == .exit(65))
            await terminal.shows("not the same")
            #expect(terminal.echoes)
            #expect(try await installation.usernames() == ["admin"])
        }

        /// By the terminal's own Ctrl-C, and by somebody else.
        @Test(arguments: [true, false])
        func `whoever ends the prompt has a terminal that shows again what is typed`(_ byKey: Bool) async throws {
            let installation = try await Installation.stopped()
            let terminal = try Terminal()
            let child = try installation.command(["user", "set-password", "admin"], terminal: terminal.path)
            await terminal.shows("New password for admin:")
            #expect(!terminal.echoes)
            if byKey { terminal.type("half a pass\u{3}") } else { child.send(SIGTERM) }
            #expect(await child.ended() == .signal(byKey ? SIGINT : SIGTERM))
            #expect(terminal.echoes)
            #expect(!terminal.text.contains("half"))
        }

        @Test func `what cannot be undone is asked about first`() async throws {
            let installation = try await Installation.stopped()
            #expect(try await installation.run("user", "add", "ada").code == 0)
            for answer in ["n", "", "no"] {
                let terminal = try Terminal()
                let child = try installation.command(["user", "delete", "ada"], terminal: terminal.path)
                await terminal.shows("Delete ada for good? [y/N]")
                terminal.type(answer + "\n")
                #expect(await child.ended() == .exit(75))
            }
            #expect(try await installation.usernames() == ["ada", "admin"])
            let terminal = try Terminal()
            let child = try installation.command(["user", "delete", "ada"], terminal: terminal.path)
            await terminal.shows("Delete ada for good? [y/N]")
            terminal.type("y\n")
            #expect(await child.ended() == .exit(0))
            #expect(try await installation.usernames() == ["admin"])
        }
    }
}

/// A terminal that a test types at. The command has its other end.
private final class Terminal: @unchecked Sendable {
    // @unchecked: one test owns it.
    let path: String
    private let descriptor: Int32
    /// Held open, so that the end of the command is no end of the terminal.
    private let otherEnd: Int32
    private var shown: [UInt8] = []

    init() throws {
        // As pts(4) says; posix_openpt and its kin are not among what Swift sees of the C library.
        descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        var isLocked: Int32 = 0
        var number: Int32 = -1
        // TIOCSPTLCK and TIOCGPTN (asm-generic/ioctls.h).
        let isUnlocked = ioctl(descriptor, 0x4004_5431, &isLocked) == 0
        let isNumbered = ioctl(descriptor, 0x8004_5430, &number) == 0
        try #require(isUnlocked && isNumbered)
        path = "/dev/pts/\(number)"
        otherEnd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(otherEnd >= 0)
    }

    deinit {
        close(otherEnd)
        close(descriptor)
    }

    /// Whether it shows what is typed.
    var echoes: Bool {
        var settings = termios()
        return tcgetattr(otherEnd, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }

    /// All that was on it.
    var text: String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            shown.append(contentsOf: buffer[..<count])
        }
        return String(decoding: shown, as: UTF8.self)
    }

    func shows(_ expected: String, sourceLocation: SourceLocation = #_sourceLocation) async {
        await until("the terminal does not show \(expected)", sourceLocation: sourceLocation) {
            text.contains(expected)
        }
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
    }
}
