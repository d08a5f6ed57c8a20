import Foundation
import TestSupport
import Testing

/// The launcher of real servers itself: what suites rest on.
@Suite(.timeLimit(.minutes(2))) struct RigTests {
    @Test func `servers answer from start to end, and a killed one after its next start`() async throws {
        let servers = try RealServers.start(.redis)
        let redis = try servers.server("redis")
        let client = try RawClient(port: redis.port)
        client.send("PING\r\nQUIT\r\n")
        #expect(String(decoding: client.receiveToEnd() ?? [], as: UTF8.self).hasPrefix("-NOAUTH"))
        try servers.kill("redis")
        #expect(throws: (any Error).self) { _ = try RawClient(port: redis.port) }
        #expect(throws: RealServers.Failure.self) { try servers.kill("redis") }
        try servers.start("redis")
        _ = try RawClient(port: redis.port)
        try servers.end()
        #expect(throws: (any Error).self) { _ = try RawClient(port: redis.port) }
        #expect(!FileManager.default.fileExists(atPath: redis.socket))
    }

    @Test func `the standby has what was committed, and takes the primary's place`() async throws {
        let servers = try RealServers.start(.postgres, standby: true)
        defer { do { try servers.end() } catch { Issue.record(error) } }
        #expect(servers.databaseURL.hasSuffix("target_session_attrs=read-write"))
        try servers.kill("postgres")
        try servers.promote("standby")
        #expect(throws: RealServers.Failure.self) { try servers.start("postgres") }
        try servers.rejoin("postgres")
        _ = try RawClient(port: try servers.server("postgres").port)
    }
}
