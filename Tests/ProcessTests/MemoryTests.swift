import Foundation
import Glibc
import Reactor
import TestSupport
import Testing

extension ProcessTests {
    /// What many clients cost, and what they leave behind.
    struct MemoryTests {
        /// Sanitizers keep what was freed, and shadows of it.
        private static let factor =
            ProcessInfo.processInfo.environment.keys.contains { $0 == "TSAN_OPTIONS" || $0 == "ASAN_OPTIONS" } ? 20 : 1

        @Test func `two thousand idle connections take little memory, and a second wave next to none`() async throws {
            let server = try await Installation().start()
            #expect(try server.client().live() == 200)
            await until { (try? server.metric("connections_open")) == 0 }
            let base = server.child.residentKiB
            let first = try await wave(of: 2000, on: server)
            let second = try await wave(of: 2000, on: server)
            #expect(first - base < 32 * 1024 * MemoryTests.factor, "16 KiB a connection")
            #expect(second - first < 2 * 1024 * MemoryTests.factor)
        }

        /// Opens them all, each answered once; returns the resident memory in KiB meanwhile. All are gone afterwards.
        private func wave(of count: Int, on server: RunningServer) async throws -> Int {
            MemoryTests.raiseDescriptorLimit()
            let clients = try (0..<count).map { _ in try server.client() }
            for client in clients { client.send(RawClient.get) }
            for client in clients { #expect(client.receive()?.status == 200) }
            #expect(try server.metric("connections_open") == Double(count))
            let resident = server.child.residentKiB
            for client in clients { client.close() }
            await until { (try? server.metric("connections_open")) == 0 }
            return resident
        }

        /// As many as this process may have: the usual 1024 are too few for so many clients.
        private static func raiseDescriptorLimit() {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }

        @Test func `bursts of garbage, halves and resets leave no connection, no task and no memory behind`()
            async throws
        {
            let server = try await Installation().start()
            var resident: [Int] = []
            for wave in 0..<3 {
                try await onThreads(8) { index in
                    var burst = HostileBurst(server: server, seed: UInt64(wave * 8 + index))
                    for _ in 0..<6 { try burst.run(connections: 25) }
                }
                #expect(try server.client().live() == 200)
                await until { (try? server.metric("connections_open")) == 0 }
                await until { (try? server.metric("loop_tasks")) == 0 }
                resident.append(server.child.residentKiB)
            }
            #expect(resident[2] - resident[0] < 4 * 1024 * MemoryTests.factor, "\(resident)")
            #expect(server.child.errorOutput.isEmpty)
            await server.child.stop()
        }
    }
}
