import AuthServer
import StoreConformance
import Testing

struct EmbeddedStoreContractTests {
    @Test(arguments: StoreContract.all)
    func `the embedded store keeps its promise`(_ promise: StorePromise) async throws {
        let folder = try TemporaryFolder()
        var limits = EmbeddedLimits.patient
        // The checks ask more at once than one node is asked.
        limits.waiting = 4096
        limits.waitMilliseconds = 60_000
        let store = try folder.open(limits: limits)
        try await promise.check(store)
        try store.close()
    }
}
