import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct ResolverTests {
    /// A resolver for the time of `body`.
    private func withResolver<Value>(_ body: (Resolver) async throws -> Value) async throws -> Value {
        let resolver = try Resolver()
        defer { resolver.stopAndJoin() }
        return try await body(resolver)
    }

    private func failure(_ resolver: Resolver, _ host: String) async -> SystemError? {
        do throws(SystemError) {
            _ = try await resolver.addresses(of: host, port: 1)
            return nil
        } catch {
            return error
        }
    }

    @Test func `literal addresses are answered as they are`() async throws {
        try await withResolver { resolver async throws in
            let four = try await resolver.addresses(of: "192.0.2.7", port: 6379)
            #expect(four.map(\.description) == ["192.0.2.7:6379"])
            let six = try await resolver.addresses(of: "2001:db8::1", port: 5432)
            #expect(six.map(\.description) == ["[2001:db8::1]:5432"])
        }
    }

    @Test func `the name of this host is one of its loopback addresses`() async throws {
        try await withResolver { resolver async throws in
            let addresses = try await resolver.addresses(of: "localhost", port: 80)
            #expect(!addresses.isEmpty)
            #expect(addresses.allSatisfy { $0.isLoopback && $0.port == 80 })
        }
    }

    @Test(arguments: ["no-such-host.invalid", "", String(repeating: "x", count: 300), "a b"])
    func `a name without an address is an error that says so`(_ host: String) async throws {
        try await withResolver { resolver async throws in
            let error = try #require(await failure(resolver, host))
            #expect(error.call.description == "getaddrinfo")
            #expect(error.code < 0)
            #expect(!error.description.contains("Unknown error"))
        }
    }

    @Test func `many names at once are all answered, or refused as too many`() async throws {
        try await withResolver { resolver async throws in
            let codes = await withTaskGroup(of: Int32.self) { group in
                for _ in 0..<500 {
                    group.addTask { await failure(resolver, "localhost")?.code ?? 0 }
                }
                return await group.reduce(into: Set<Int32>()) { $0.insert($1) }
            }
            #expect(codes.isSubset(of: [0, EAGAIN]))
            #expect(codes.contains(0))
        }
    }

    @Test func `once it is stopped it refuses`() async throws {
        let resolver = try Resolver()
        resolver.stopAndJoin()
        #expect(await failure(resolver, "localhost")?.code == ECANCELED)
    }
}
