/// What one connection has prepared. The types of the parameters belong to it: a statement that was first run with NULL
/// in a place has there whatever type the server found, and is prepared anew under another name when a value comes that
/// names its own. Each preparation knows at least one more type than the last, so there are at most as many as parameters
/// and one.
struct PreparedStatements {
    struct Variant: Hashable {
        let statement: String
        let number: Int

        /// Its name on the server.
        var name: String { number == 0 ? statement : "\(statement)/\(number)" }
    }

    private var types: [String: [[UInt32]]] = [:]
    private var prepared: Set<Variant> = []
    /// Sent and not yet answered.
    private var pending: Set<Variant> = []

    /// The variant that takes parameters of `given` types, and whether it has to be prepared first, for the types it then
    /// has.
    mutating func variant(of statement: String, _ given: [UInt32]) -> (Variant, types: [UInt32], isNew: Bool) {
        let known = types[statement] ?? []
        let fitting = known.lastIndex { PreparedStatements.fits(given, $0) }
        let number = fitting ?? known.count
        if fitting == nil { types[statement, default: []].append(PreparedStatements.merge(given, known.last)) }
        let variant = Variant(statement: statement, number: number)
        let isNew = !prepared.contains(variant) && pending.insert(variant).inserted
        return (variant, types[statement]?[number] ?? given, isNew)
    }

    mutating func confirm(_ variant: Variant) { prepared.insert(variant) }

    /// What was not confirmed by now is not there.
    mutating func exchangeEnded() { pending.removeAll(keepingCapacity: true) }

    /// NULL fits every type.
    private static func fits(_ given: [UInt32], _ types: [UInt32]) -> Bool {
        given.count == types.count && zip(given, types).allSatisfy { $0 == TypeID.unknown || $0 == $1 }
    }

    private static func merge(_ given: [UInt32], _ last: [UInt32]?) -> [UInt32] {
        guard let last, last.count == given.count else { return given }
        return zip(given, last).map { $0 == TypeID.unknown ? $1 : $0 }
    }
}
