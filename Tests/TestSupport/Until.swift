import Glibc
import Reactor
package import Testing

/// Waits for a condition, looking each millisecond; one that does not come true within `seconds` is an issue. A
/// condition that itself takes long, one that waits for a reply for example, is asked no further after that time.
@discardableResult
package func until(
    _ comment: Comment? = nil, seconds: Int = 20, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async -> Bool
) async -> Bool {
    let deadline = MonotonicTime.now.adding(milliseconds: Int64(seconds) * 1000)
    repeat {
        if await condition() { return true }
        poll(nil, 0, 1)
        await Task.yield()
    } while MonotonicTime.now < deadline
    if await condition() { return true }
    Issue.record(comment ?? "a condition did not come true", sourceLocation: sourceLocation)
    return false
}
