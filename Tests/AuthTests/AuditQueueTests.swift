import Testing

@testable import Auth

@Suite struct AuditQueueTests {
    private func entry(_ event: AuditEvent, _ number: Int = 0) -> AuditEntry {
        AuditEntry(at: testStart, event: event, actor: .anonymous, origin: .server, detail: "\(number)")
    }

    @Test func `a full queue loses what comes last and says how much, once`() {
        var queue = AuditQueue(capacity: 4)
        for number in 0..<7 { queue.append(entry(.loginFailed, number)) }
        #expect(queue.count == 4 && queue.dropped == 3)
        let taken = queue.take(at: testStart)
        #expect(taken.map(\.event) == Array(repeating: .loginFailed, count: 4) + [.auditOverflowed])
        #expect(taken.map(\.detail) == ["0", "1", "2", "3", "3"])
        #expect(queue.isEmpty && queue.take(at: testStart) == [])
        #expect(queue.dropped == 3)
    }

    @Test func `throttled logins fill half of it`() {
        var queue = AuditQueue(capacity: 4)
        for _ in 0..<10 { queue.append(entry(.loginThrottled)) }
        for _ in 0..<10 { queue.append(entry(.loginFailed)) }
        #expect(
            queue.take(at: testStart).map(\.event)
                == [.loginThrottled, .loginThrottled, .loginFailed, .loginFailed, .auditOverflowed])
        #expect(queue.dropped == 16)
    }

    @Test func `a batch is bounded and the rest follows in order`() {
        var queue = AuditQueue(capacity: 600)
        for number in 0..<600 { queue.append(entry(.loginFailed, number)) }
        var seen: [String?] = []
        var sizes: [Int] = []
        while !queue.isEmpty {
            let taken = queue.take(at: testStart)
            sizes.append(taken.count)
            seen += taken.map(\.detail)
        }
        #expect(sizes == [256, 256, 88])
        #expect(seen == (0..<600).map { "\($0)" })
    }

    @Test func `what the store did not take is counted, also what it should have been told was lost`() {
        var queue = AuditQueue(capacity: 2)
        for number in 0..<5 { queue.append(entry(.loginFailed, number)) }
        let taken = queue.take(at: testStart)
        queue.lose(taken)
        #expect(queue.dropped == 5 && !queue.isEmpty)
        let next = queue.take(at: testStart)
        #expect(next.map(\.event) == [.auditOverflowed] && next.map(\.detail) == ["5"])
    }
}
