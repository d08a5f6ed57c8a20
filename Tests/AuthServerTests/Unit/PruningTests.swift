import Auth
import Testing

@testable import AuthServer

@Suite struct PruningTests {
    @Test func `it goes on until nothing is left, and asks no more`() async throws {
        var left = [1000, 1000, 1, 0, 7]
        try await Pruning.repeated { () throws(StoreError) in left.removeFirst() }
        #expect(left == [7])
    }

    @Test func `a round ends although there is more, so that others of the upkeep get theirs`() async throws {
        var steps = 0
        try await Pruning.repeated { () throws(StoreError) in
            steps += 1
            return 1000
        }
        #expect(steps == Pruning.maximumSteps)
    }

    @Test func `an error ends the round and is told`() async {
        var steps = 0
        await #expect(throws: StoreError.unavailable) {
            try await Pruning.repeated { () throws(StoreError) in
                steps += 1
                if steps == 3 { throw .unavailable }
                return 1
            }
        }
        #expect(steps == 3)
    }
}
