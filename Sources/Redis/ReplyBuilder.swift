internal import CHiredis

/// Builds a value from what hiredis finds, in the order it finds it, and refuses what is over the limits before any memory
/// is taken for it.
final class ReplyBuilder {
    /// An array that is not whole yet.
    private struct Open {
        var missing: Int
        var values: [RedisValue] = []
    }

    private let limits: ReplyLimits
    private var open: [Open] = []
    private var elements = 0
    private var whole: RedisValue?

    init(limits: ReplyLimits) { self.limits = limits }

    /// The value that was completed.
    func take() -> RedisValue? {
        defer {
            whole = nil
            elements = 0
        }
        return whole
    }

    private func beginArray(count: Int) -> Bool {
        elements += count
        guard open.count < limits.depth, elements <= limits.elements else { return false }
        if count == 0 {
            add(.array([]))
        } else {
            open.append(Open(missing: count))
        }
        return true
    }

    private func add(_ value: RedisValue) {
        var value = value
        while !open.isEmpty {
            let last = open.count - 1
            open[last].values.append(value)
            open[last].missing -= 1
            if open[last].missing > 0 { return }
            value = .array(open.removeLast().values)
        }
        whole = value
    }

    private func add(string: UnsafeRawBufferPointer, isError: Bool) -> Bool {
        guard string.count <= limits.stringBytes else { return false }
        add(isError ? .error(String(decoding: string, as: UTF8.self)) : .bytes(Array(string)))
        return true
    }

    // MARK: What hiredis calls

    /// What hiredis calls instead of making objects of its own. What they return is only looked at for not being null, so
    /// they return the builder; null stops the reader with an error.
    ///
    /// Unsafe: one table for the life of the process, never written after.
    nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let table = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        table.initialize(
            to: redisReplyObjectFunctions(
                createString: { task, start, count in
                    ReplyBuilder.call(task) { builder, type in
                        builder.add(
                            string: UnsafeRawBufferPointer(start: start, count: count),
                            isError: type == REDIS_REPLY_ERROR)
                    }
                },
                createArray: { task, count in
                    ReplyBuilder.call(task) { builder, _ in builder.beginArray(count: max(0, Int(count))) }
                },
                createInteger: { task, number in
                    ReplyBuilder.call(task) { builder, _ in
                        builder.add(.integer(Int64(number)))
                        return true
                    }
                },
                createNil: { task in
                    ReplyBuilder.call(task) { builder, _ in
                        builder.add(.null)
                        return true
                    }
                },
                freeObject: { _ in }))
        return table
    }()

    /// `privdata` is the builder: its reader holds it for as long as hiredis may call.
    private static func call(
        _ task: UnsafePointer<redisReadTask>?, _ body: (ReplyBuilder, Int32) -> Bool
    ) -> UnsafeMutableRawPointer? {
        guard let task, let pointer = task.pointee.privdata else { return nil }
        let builder = Unmanaged<ReplyBuilder>.fromOpaque(pointer).takeUnretainedValue()
        return body(builder, task.pointee.type) ? pointer : nil
    }
}
