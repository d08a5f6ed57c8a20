import Foundation
import LoadTests
import TestSupport
import Testing

@Suite("Damaged profiles")
struct DamagedProfileTests {
    @Test("A profile with any damage is read or refused in one sentence", arguments: TargetProfile.shippedNames)
    func damage(name: String) throws {
        let whole = Array(try fileOfRepository("LoadTests/Harness/Profiles/\(name).json"))
        var random = SeededGenerator(seed: 5)
        var refused = 0
        for _ in 0..<3_000 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(Array("{}[]\",:?/0-\\".utf8).randomElement(using: &random) ?? 0, at: place)
                default: bytes.removeSubrange(place..<min(bytes.count, place + 40))
                }
            }
            do throws(ProfileError) { _ = try TargetProfile(parsing: bytes) } catch {
                refused += 1
                #expect(error.description.hasSuffix(".") && !error.description.contains("\n"))
            }
        }
        #expect(refused > 1_000)
    }
}
