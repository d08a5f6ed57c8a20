import Auth
import StoreConformance
import Testing

@testable import AuthServer

/// The promises that the embedded store keeps, kept by Postgres: each on a database of its own.
struct StoresContractTests {
    @Test(arguments: StoreContract.all)
    func `the stores in Postgres keep their promise`(_ promise: StorePromise) async throws {
        try await StoreDatabases.shared().withStores(connections: 6) { stores in
            try await promise.check(try #require(stores.first))
        }
    }
}
