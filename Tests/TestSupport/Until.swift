import Glibc
package import Testing

/// Waits for a condition, looking each millisecond; one that does not come true within `seconds` is an issue.
@discardableResult
package func until(
    _ comment: Comment? = nil, seconds: Int = 20, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async -> Bool
) async -> Bool {
    for _ in 0..<(seconds * 1000) {
        if await condition() { return true }
        poll(nil, 0, 1)
        await Task.yield()
    }
    Issue.record(comment ?? "a condition did not come true", sourceLocation: sourceLocation)
    return false
}
