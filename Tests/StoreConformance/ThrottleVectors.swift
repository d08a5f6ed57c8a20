package import Auth
import OpenSSL
import Testing

/// What happens to one key, with what every throttle answers. Held against the in-process table and against Redis, so that
/// a node that decides alone decides alike.
package struct ThrottleVector: Sendable, CustomTestStringConvertible {
    package enum Step: Sendable {
        /// A reservation at that many milliseconds; nil is granted, else it is refused for that long.
        case reserve(Int64, wait: Int64?)
        /// The oldest reservation that was not given back yet is.
        case giveBack(Int64)
        case forget
    }

    package let testDescription: String
    let limit: GCRA
    let steps: [Step]

    private init(_ sentence: String, _ limit: GCRA, _ steps: [Step]) {
        testDescription = sentence
        self.limit = limit
        self.steps = steps
    }

    private static let three = GCRA(burst: 3, intervalMilliseconds: 1_000)

    package static let all: [ThrottleVector] = [
        ThrottleVector(
            "a burst, then one an interval", three,
            [
                .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: 1_000),
                .reserve(1, wait: 999), .reserve(999, wait: 1), .reserve(1_000, wait: nil),
                .reserve(1_000, wait: 1_000),
                .reserve(1_500, wait: 500), .reserve(2_000, wait: nil),
            ]),
        ThrottleVector(
            "a refusal counts nothing, however often", three,
            [.reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: nil)]
                + (0..<900).map { .reserve($0, wait: 1_000 - $0) } + [.reserve(1_000, wait: nil)]),
        ThrottleVector(
            "rest fills the burst up and no further", three,
            [.reserve(0, wait: nil), .reserve(500_000, wait: nil), .reserve(500_000, wait: nil)]
                + [.reserve(500_000, wait: nil), .reserve(500_000, wait: 1_000)]),
        ThrottleVector(
            "a half-rested key has half a burst", three,
            [
                .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(1_500, wait: nil),
                .reserve(1_500, wait: 500), .reserve(2_000, wait: nil), .reserve(2_000, wait: 1_000),
            ]),
        ThrottleVector(
            "what is given back can be had again, once", three,
            [
                .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: nil), .giveBack(0),
                .reserve(0, wait: nil), .reserve(0, wait: 1_000),
            ]),
        ThrottleVector(
            "giving back late takes back what is left of it and earns no credit", three,
            [
                .reserve(0, wait: nil), .giveBack(700), .reserve(700, wait: nil), .reserve(700, wait: nil),
                .reserve(700, wait: nil), .reserve(700, wait: 1_000),
            ]),
        ThrottleVector(
            "giving back to an idle key does nothing", three,
            [
                .reserve(0, wait: nil), .reserve(0, wait: nil), .giveBack(5_000), .giveBack(5_000),
                .reserve(5_000, wait: nil), .reserve(5_000, wait: nil), .reserve(5_000, wait: nil),
                .reserve(5_000, wait: 1_000),
            ]),
        ThrottleVector(
            "a forgotten key begins anew", three,
            [
                .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: 1_000),
                .forget,
                .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: nil), .reserve(0, wait: 1_000),
                .forget,
                .forget, .reserve(0, wait: nil),
            ]),
        ThrottleVector(
            "a clock set back costs at most what a full bucket costs", three,
            [
                .reserve(9_000, wait: nil), .reserve(9_000, wait: nil), .reserve(9_000, wait: nil),
                .reserve(0, wait: 1_000), .reserve(1_000, wait: nil), .reserve(1_000, wait: 1_000),
            ]),
        ThrottleVector(
            "without a burst it is one an interval", GCRA(burst: 1, intervalMilliseconds: 250),
            [.reserve(0, wait: nil), .reserve(0, wait: 250), .reserve(249, wait: 1), .reserve(250, wait: nil)]),
        ThrottleVector(
            "a part of a millisecond is a millisecond to wait", GCRA(burst: 1, perSecond: 300),
            [.reserve(0, wait: nil), .reserve(0, wait: 4), .reserve(3, wait: 1), .reserve(4, wait: nil)]),
        ThrottleVector(
            "the longest interval and the largest burst are counted to the microsecond",
            GCRA(burst: .max, intervalMilliseconds: 86_400_000),
            [.reserve(0, wait: nil), .reserve(1, wait: nil), .giveBack(2), .giveBack(2), .reserve(3, wait: nil)]),
        ThrottleVector(
            "one a day holds for a day", GCRA(burst: 1, intervalMilliseconds: 86_400_000),
            [.reserve(0, wait: nil), .reserve(86_399_999, wait: 1), .reserve(86_400_000, wait: nil)]),
    ]

    /// Runs the steps under a key of nobody else's.
    package func check(_ make: ThrottleMaker) async throws {
        var limits = ThrottleLimits()
        limits[.accountAndAddress] = limit
        let throttle = try await make(limits)
        let keys = try ThrottleSample().keys("ada").filter { $0.rule == .accountAndAddress }
        var reservations: [ThrottleReservation] = []
        for (number, step) in steps.enumerated() {
            switch step {
            case .reserve(let moment, let wait):
                let verdict = await throttle.reserve(keys, at: Sample.start.adding(milliseconds: moment))
                switch verdict {
                case .reserved(let reservation):
                    reservations.append(reservation)
                    #expect(wait == nil, "step \(number)")
                case .refused(let rule, let milliseconds):
                    #expect(rule == .accountAndAddress && milliseconds == wait, "step \(number)")
                }
            case .giveBack(let moment):
                try await throttle.giveBack(
                    #require(reservations.first), at: Sample.start.adding(milliseconds: moment))
                reservations.removeFirst()
            case .forget: await throttle.forget(keys)
            }
        }
    }
}

/// Makes a throttle whose only clock is the time it is given.
package typealias ThrottleMaker = @Sendable (ThrottleLimits) async throws -> any LoginThrottle

/// Keys of names and addresses under a lookup key of its own: nothing was counted under them before.
package struct ThrottleSample: Sendable {
    package let lookup: LookupKeys

    package init() throws { lookup = LookupKeys(HMACSHA256Key(try SecretBytes(randomCount: 32))) }

    package func keys(
        _ name: String, from address: String = "192.0.2.1", device: Identifier? = nil
    ) throws -> [ThrottleKey] {
        try lookup.login(
            account: #require(Username(name)), address: #require(ClientAddress(address)), device: device)
    }
}
