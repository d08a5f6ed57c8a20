import Auth
import AuthServer
import Foundation
import Glibc
import StoreConformance
import Testing

/// Children that are killed while they work, and what is left of their work.
struct CrashTests {
    @Test func `kill -9 at any moment loses no acknowledged change, and a look at what is left changes nothing`()
        async throws
    {
        let folder = try TemporaryFolder()
        var history = CrashHistory()
        for kill in 0..<15 {
            let child = try Child(["\(folder.path)"])
            // Some die in their first transactions, some after a checkpoint.
            let lines = try child.kill(afterLines: Int.random(in: 1...(kill % 2 == 0 ? 600 : 30)))
            for line in lines { try history.read(line) }
            let before = try folder.contents()
            let data = try DataFolder.open(folder.path)
            let inspection = try DatabaseInspection.inspect(data)
            #expect(try folder.contents() == before)
            let store = try EmbeddedStore.open(inspection, thread: QueueThread())
            try await history.check(store, attempts: kill == 14)
            try store.close()
        }
        #expect(history.count > 300)
    }

    @Test func `kill -9 while keys are sealed anew leaves all of them under one master key`() async throws {
        let folder = try TemporaryFolder()
        for kill in 0..<10 {
            let child = try Child([folder.path, "reseal"])
            _ = try child.kill(afterLines: 1 + kill * 7)
            let store = try folder.open()
            try await ResealWorkload.check(store)
            try store.close()
        }
    }

    @Test func `a write that is refused is never acknowledged, and the next start has all before it and no more`()
        async throws
    {
        let folder = try TemporaryFolder()
        let child = try Child(["\(folder.path)", "\(300_000)"])
        let lines = try child.lines()
        // The size of a file is no doubt about the disk: what was acknowledged is there.
        #expect(lines.last == "stopped hasFailed=false")
        var history = CrashHistory()
        for line in lines { try history.read(line) }
        #expect(history.count > 10)
        let store = try folder.open()
        try await history.check(store, attempts: true)
        try store.close()
    }
}

/// A `StoreCrasher` that works.
private struct Child {
    private let process = Process()
    private let output = Pipe()

    init(_ arguments: [String]) throws {
        let tests = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        process.executableURL = tests.deletingLastPathComponent().appendingPathComponent("StoreCrasher")
        process.arguments = arguments
        process.environment = ["SWIFT_BACKTRACE": "enable=no"]
        process.standardOutput = output
        try process.run()
    }

    /// Kills it once it has said that much, and returns all whole lines.
    func kill(afterLines count: Int) throws -> [String] {
        var heard = Data()
        var lines = 0
        while lines < count {
            let data = try more()
            try #require(!data.isEmpty, "the child ended by itself")
            lines += data.count { $0 == UInt8(ascii: "\n") }
            heard.append(data)
        }
        Glibc.kill(process.processIdentifier, SIGKILL)
        return try wholeLines(heard + rest())
    }

    /// Lets it end by itself.
    func lines() throws -> [String] { try wholeLines(rest()) }

    private func rest() throws -> Data {
        var heard = Data()
        while case let data = try more(), !data.isEmpty { heard.append(data) }
        process.waitUntilExit()
        return heard
    }

    /// What it said next; empty at its end. One that is silent for a minute is killed.
    private func more() throws -> Data {
        var event = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
        if poll(&event, 1, 60_000) != 1 {
            Glibc.kill(process.processIdentifier, SIGKILL)
            try #require(Bool(false), "the child says nothing and does not end")
        }
        return output.fileHandleForReading.availableData
    }

    private func wholeLines(_ data: Data) throws -> [String] {
        let end = try #require(data.lastIndex(of: UInt8(ascii: "\n")))
        return String(decoding: data[..<end], as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
