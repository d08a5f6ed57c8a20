import Reactor

/// What is known of a transaction whose body runs.
struct TransactionState {
    /// The connection it has.
    let index: Int
    /// BEGIN was sent.
    var isBegun = false
    /// A statement is under way.
    var isBusy = false
    /// Why nothing of it can be committed.
    var failure: PostgresError?
    /// It failed with its first statement, for a reason that lies in the connection: another may do better.
    var mayRepeat = false
}

extension PostgresClient {
    private static let begin = Query(Statement("postgres_begin", "BEGIN"), [])
    private static let commit = Query(Statement("postgres_commit", "COMMIT"), [])
    private static let rollback = Query(Statement("postgres_rollback", "ROLLBACK"), [])

    /// Runs `body` in one transaction (READ COMMITTED) that is committed when it returns and rolled back when it throws. A
    /// body that caught an error of a statement and returned all the same is rolled back, too, and the error thrown.
    ///
    /// It has a connection until it ends: `body` waits for nothing but its statements. `body` is run again when
    /// its first statement found the connection broken.
    package func transaction<Outcome: Sendable>(
        _ body: @Sendable (PostgresTransaction) async throws(PostgresError) -> Outcome
    ) async throws(PostgresError) -> Outcome {
        var repeats = repeats()
        while true {
            let index = try await acquire()
            lastTransaction += 1
            let id = lastTransaction
            transactions[id] = TransactionState(index: index)
            let result: Result<Outcome, PostgresError>
            do throws(PostgresError) {
                result = .success(try await body(PostgresTransaction(client: self, id: id)))
            } catch {
                result = .failure(error)
            }
            let state = transactions.removeValue(forKey: id) ?? TransactionState(index: index)
            if state.mayRepeat, case .failure = result, repeats.next() {
                await roll(back: state)
                counters.retries.count()
                continue
            }
            return try await end(state, result)
        }
    }

    private func end<Outcome>(
        _ state: TransactionState, _ result: Result<Outcome, PostgresError>
    ) async throws(PostgresError) -> Outcome {
        guard case .success(let outcome) = result, state.failure == nil, !state.isBusy else {
            await roll(back: state)
            if let failure = state.failure, case .success = result { throw failure }
            if state.isBusy {
                throw PostgresError(.unavailable, "a statement was left running at the transaction's end")
            }
            return try result.get()
        }
        if state.isBegun {
            let answer = await exchange([PostgresClient.commit], on: state.index)
            release(state.index)
            switch answer {
            case .answered: break
            case .refused(let error): throw error
            // Whether it was before the commit or after it is not known.
            case .ended(let error): throw PostgresError(.inDoubt, error.message)
            case .broken(let message, let wasSent, _):
                throw PostgresError(wasSent ? .inDoubt : .unavailable, message)
            }
        } else {
            release(state.index)
        }
        return outcome
    }

    private func roll(back state: TransactionState) async {
        if state.isBusy { connections[state.index]?.close() }
        if state.isBegun, connections[state.index]?.isOpen == true {
            _ = await exchange([PostgresClient.rollback], on: state.index)
        }
        release(state.index)
    }

    /// Statements of a transaction whose body runs. BEGIN goes with the first.
    func run(_ queries: [Query], in id: UInt64) async throws(PostgresError) -> [QueryResult] {
        guard let state = transactions[id] else { throw PostgresError(.unavailable, "the transaction is over") }
        if state.isBusy { throw PostgresError(.unavailable, "a transaction runs one statement at a time") }
        if let failure = state.failure { throw failure }
        if queries.isEmpty { return [] }
        transactions[id]?.isBusy = true
        let begin = state.isBegun ? [] : [PostgresClient.begin]
        let outcome = await exchange(begin + queries, on: state.index)
        transactions[id]?.isBusy = false
        transactions[id]?.isBegun = true
        switch outcome {
        case .answered(let results): return Array(results.dropFirst(begin.count))
        case .refused(let error): throw fail(id, error, mayRepeat: error.isOfConnection && !state.isBegun)
        case .ended(let error): throw fail(id, error, mayRepeat: !state.isBegun)
        case .broken(let message, _, let isLate):
            // COMMIT was not sent: nothing of it is there.
            throw fail(id, PostgresError(.unavailable, message), mayRepeat: !state.isBegun && !isLate)
        }
    }

    private func fail(_ id: UInt64, _ error: PostgresError, mayRepeat: Bool) -> PostgresError {
        transactions[id]?.failure = error
        transactions[id]?.mayRepeat = mayRepeat
        return error
    }
}
