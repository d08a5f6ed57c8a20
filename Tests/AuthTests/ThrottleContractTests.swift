import StoreConformance
import Testing

@testable import Auth

/// The table of one process.
@Suite struct ThrottleContractTests {
    @Test(arguments: ThrottleVector.all) func `the table answers as the vectors say`(_ vector: ThrottleVector)
        async throws
    {
        try await vector.check { LockedThrottle(ThrottleTable(limits: $0)) }
    }

    @Test(arguments: ThrottlePromise.all) func `the table keeps its promises`(_ promise: ThrottlePromise) async throws {
        try await promise.check { LockedThrottle(ThrottleTable(limits: $0)) }
    }
}
