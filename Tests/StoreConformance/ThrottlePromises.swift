package import Auth
import OpenSSL
import Testing

/// One sentence of the contract of `LoginThrottle`, and the check that an implementation keeps it.
package struct ThrottlePromise: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    package let check: @Sendable (@Sendable (ThrottleLimits) async throws -> any LoginThrottle) async throws -> Void

    private init(_ sentence: String, _ check: @escaping @Sendable (ThrottleMaker) async throws -> Void) {
        testDescription = sentence
        self.check = check
    }

    package static let all: [ThrottlePromise] = [
        ThrottlePromise("an attempt that one rule refuses is counted under none") { make async throws in
            let throttle = try await make(limits([.accountAndAddress: 2, .address: 7, .global: 9]))
            let sample = try ThrottleSample()
            #expect(try await granted(20, sample.keys("ada"), throttle) == 2)
            for _ in 0..<30 { _ = await throttle.reserve(try sample.keys("ada"), at: later(1)) }
            // Five of the address are left, and two more of the global limit for another.
            #expect(try await granted(2, sample.keys("bob"), throttle) == 2)
            #expect(try await granted(20, sample.keys("eve"), throttle) == 2)
            #expect(try await granted(20, sample.keys("joe"), throttle) == 1)
            #expect(try await granted(20, sample.keys("joe", from: "198.51.100.1"), throttle) == 2)
            #expect(try await granted(20, sample.keys("kim", from: "203.0.113.1"), throttle) == 0)
        },
        ThrottlePromise("of several rules that refuse, the one that holds longest is told") { make async throws in
            var limits = limits([:])
            limits[.address] = GCRA(burst: 1, intervalMilliseconds: 10_000)
            limits[.accountAndAddress] = GCRA(burst: 1, intervalMilliseconds: 30_000)
            limits[.accountCost] = GCRA(burst: 1, intervalMilliseconds: 20_000)
            let throttle = try await make(limits)
            let keys = try ThrottleSample().keys("ada")
            #expect(await granted(1, keys, throttle) == 1)
            #expect(
                await throttle.reserve(keys, at: later(0))
                    == .refused(by: .accountAndAddress, retryAfterMilliseconds: 30_000))
            #expect(
                await throttle.reserve(keys, at: later(29_999))
                    == .refused(by: .accountAndAddress, retryAfterMilliseconds: 1))
            #expect(await granted(1, keys, throttle, at: 30_000) == 1)
        },
        ThrottlePromise("failures are given back, costs never") { make async throws in
            let throttle = try await make(limits([.accountAndAddress: 1, .accountCost: 6]))
            let keys = try ThrottleSample().keys("ada")
            for _ in 0..<6 {
                guard case .reserved(let reservation) = await throttle.reserve(keys, at: later(0)) else {
                    Issue.record("refused though it was given back")
                    return
                }
                #expect(!reservation.keys.isEmpty && reservation.keys.allSatisfy { $0.rule.isGivenBack })
                await throttle.giveBack(reservation, at: later(0))
            }
            guard case .refused(.accountCost, _) = await throttle.reserve(keys, at: later(0)) else {
                Issue.record("one valid account buys any number of hashes")
                return
            }
        },
        ThrottlePromise("a known device is held by nothing that strangers fill up") { make async throws in
            let throttle = try await make(
                limits([.account: 3, .accountAndAddress: 2, .global: 8, .accountAndDevice: 4]))
            let sample = try ThrottleSample()
            for host in 1...20 {
                _ = await throttle.reserve(try sample.keys("ada", from: "198.51.\(host).1"), at: later(0))
                _ = await throttle.reserve(try sample.keys("u\(host)", from: "198.51.\(host).2"), at: later(0))
            }
            #expect(try await granted(1, sample.keys("ada", from: "203.0.113.1"), throttle) == 0)
            let (phone, laptop) = (Identifier(high: 1, low: 1), Identifier(high: 1, low: 2))
            #expect(try await granted(9, sample.keys("ada", from: "203.0.113.2", device: phone), throttle) == 4)
            #expect(try await granted(9, sample.keys("ada", from: "203.0.113.2", device: laptop), throttle) == 4)
            // A device is known for one account.
            #expect(try await granted(9, sample.keys("bob", from: "203.0.113.2", device: phone), throttle) == 4)
        },
        ThrottlePromise("all known devices of one account share what they cost") { make async throws in
            let throttle = try await make(limits([.knownDevicesCost: 5]))
            let sample = try ThrottleSample()
            var count = 0
            for number in 0..<20 {
                let device = Identifier(high: 2, low: UInt64(number))
                count += try await granted(1, sample.keys("ada", from: "198.51.\(number).1", device: device), throttle)
            }
            #expect(count == 5)
            #expect(try await granted(1, sample.keys("ada"), throttle) == 1)
        },
        ThrottlePromise("forgetting an account frees it from what others failed, and no other") { make async throws in
            let throttle = try await make(limits([.account: 2, .accountCost: 2]))
            let sample = try ThrottleSample()
            for name in ["ada", "bob"] {
                #expect(try await granted(5, sample.keys(name), throttle) == 2)
                #expect(try await granted(1, sample.keys(name, from: "198.51.100.1"), throttle) == 0)
            }
            await throttle.forget(try sample.lookup.account(#require(Username("ada"))))
            #expect(try await granted(5, sample.keys("ada"), throttle) == 2)
            #expect(try await granted(5, sample.keys("bob"), throttle) == 0)
        },
        ThrottlePromise("registrations and refreshes are counted apart from logins") { make async throws in
            let throttle = try await make(limits([.address: 2, .registrationAddress: 3, .refreshSession: 4]))
            let sample = try ThrottleSample()
            let address = try #require(ClientAddress("192.0.2.1"))
            let session = Identifier(high: 3, low: 3)
            #expect(try await granted(9, sample.keys("ada"), throttle) == 2)
            #expect(try await granted(9, sample.lookup.registration(address: address), throttle) == 3)
            #expect(try await granted(9, sample.lookup.refresh(session: session, address: address), throttle) == 4)
        },
        ThrottlePromise("of many at once exactly the limit is granted") { make async throws in
            let throttle = try await make(limits([.account: 20]))
            let sample = try ThrottleSample()
            let verdicts = try await inParallel(200) { number in
                let keys = try sample.keys("ada", from: "198.51.\(number).1")
                return await granted(1, keys, throttle)
            }
            #expect(verdicts.reduce(0, +) == 20)
        },
    ]

    /// Limits that nobody meets but those given, which have no rate to speak of.
    private static func limits(_ few: [ThrottleRule: UInt16]) -> ThrottleLimits {
        var limits = ThrottleLimits()
        for rule in ThrottleRule.allCases {
            limits[rule] = GCRA(burst: few[rule] ?? 10_000, intervalMilliseconds: 3_600_000)
        }
        return limits
    }

    private static func later(_ milliseconds: Int64) -> UnixTime { Sample.start.adding(milliseconds: milliseconds) }

    /// How many of `tries` are granted.
    private static func granted(
        _ tries: Int, _ keys: [ThrottleKey], _ throttle: any LoginThrottle, at milliseconds: Int64 = 0
    ) async -> Int {
        var count = 0
        for _ in 0..<tries {
            if case .reserved = await throttle.reserve(keys, at: later(milliseconds)) { count += 1 }
        }
        return count
    }
}
