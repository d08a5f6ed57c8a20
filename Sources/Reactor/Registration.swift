/// Names one registration of one descriptor. A descriptor's number is reused by the kernel, a generation is not (within
/// 2^32 registrations of that number), so an event that was under way when its descriptor was closed dies by it.
package struct Registration: Sendable, Hashable {
    package let descriptor: Int32
    package let generation: UInt32

    init(descriptor: Int32, generation: UInt32) {
        self.descriptor = descriptor
        self.generation = generation
    }

    init(token: UInt64) {
        descriptor = Int32(truncatingIfNeeded: token & 0xFFFF_FFFF)
        generation = UInt32(truncatingIfNeeded: token >> 32)
    }

    var token: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor)) }
}

/// The handlers of a loop's descriptors, indexed by descriptor. Grows to the highest descriptor seen, which the
/// process's limit of open files bounds.
struct RegistrationTable {
    private struct Slot {
        var generation: UInt32 = 0
        var handler: (any ReadinessHandler)?
    }

    private var slots: [Slot] = []
    private(set) var count = 0

    /// Takes the descriptor's slot for `handler` under a new generation.
    mutating func insert(_ descriptor: Int32, _ handler: any ReadinessHandler) -> Registration {
        let index = Int(descriptor)
        if index >= slots.count {
            slots.append(contentsOf: repeatElement(Slot(), count: index + 1 - slots.count))
        }
        slots[index].generation &+= 1
        if slots[index].handler == nil { count += 1 }
        slots[index].handler = handler
        return Registration(descriptor: descriptor, generation: slots[index].generation)
    }

    /// The handler, unless the registration is of the past.
    func handler(for registration: Registration) -> (any ReadinessHandler)? {
        let index = Int(registration.descriptor)
        guard index >= 0, index < slots.count, slots[index].generation == registration.generation else { return nil }
        return slots[index].handler
    }

    /// False if it was gone already.
    mutating func remove(_ registration: Registration) -> Bool {
        let index = Int(registration.descriptor)
        guard handler(for: registration) != nil else { return false }
        slots[index].handler = nil
        count -= 1
        return true
    }
}
