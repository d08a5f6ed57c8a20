import CLinux

/// What epoll reports for a descriptor.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer will send no more (a FIN, or its shutdown of writing).
    package static let readClosed = Readiness(rawValue: EPOLLRDHUP.rawValue)
    /// Both directions are over.
    package static let hangUp = Readiness(rawValue: EPOLLHUP.rawValue)
    package static let failed = Readiness(rawValue: EPOLLERR.rawValue)

    /// No further event will tell of the end of input: read until it is seen, do not stop at a short read.
    package var endsInput: Bool { !isDisjoint(with: [.readClosed, .hangUp, .failed]) }
    /// Nobody is there to take an answer.
    package var isGone: Bool { !isDisjoint(with: [.hangUp, .failed]) }
}

/// Gets a descriptor's events, always on the loop's thread.
package protocol ReadinessHandler: AnyObject {
    func ready(_ readiness: Readiness)
}
