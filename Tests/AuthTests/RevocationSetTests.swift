import TestSupport
import Testing

@testable import Auth

@Suite struct RevocationSetTests {
    let until = testStart.adding(seconds: 3700)

    func id(_ number: UInt64) -> Identifier { Identifier(high: 0x7000, low: number) }

    func subject(
        user: UInt64 = 1, session: UInt64 = 2, token: UInt64 = 3, version: Int64 = 1, generation: Int64 = 0
    ) -> RevocationSubject {
        RevocationSubject(
            user: id(user), session: id(session), token: id(token), userVersion: version, generation: generation)
    }

    @Test func `each kind of entry refuses what it names and nothing else`() {
        let empty = RevocationSet()
        #expect(!empty.isRevoked(subject()))
        let token = empty.applying([.token(id(3), user: id(1), until: until)])
        #expect(token.isRevoked(subject()))
        #expect(!token.isRevoked(subject(token: 4)))
        let session = empty.applying([.session(id(2), user: id(1), until: until)])
        #expect(session.isRevoked(subject(token: 4)))
        #expect(!session.isRevoked(subject(session: 5)))
        let user = empty.applying([.user(id(1), minimumVersion: 2, until: until)])
        #expect(user.isRevoked(subject()))
        #expect(!user.isRevoked(subject(version: 2)))
        #expect(!user.isRevoked(subject(user: 9)))
        let fleet = empty.applying([.generation(1)])
        #expect(fleet.isRevoked(subject()))
        #expect(!fleet.isRevoked(subject(generation: 1)))
        #expect(fleet.generation == 1)
    }

    @Test func `a snapshot never changes and each has its number`() {
        let first = RevocationSet()
        let second = first.applying([.session(id(2), user: id(1), until: until)])
        #expect(!first.isRevoked(subject()))
        #expect(second.number == first.number + 1)
        #expect(second.expired(at: testStart).number == second.number + 1)
    }

    @Test func `epochs never go down, whatever the order`() {
        let all: [Revocation] = [
            .user(id(1), minimumVersion: 5, until: until), .user(id(1), minimumVersion: 3, until: until),
            .generation(4), .generation(2), .session(id(2), user: id(1), until: until),
            .session(id(2), user: id(1), until: testStart),
        ]
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<50 {
            var set = RevocationSet()
            for revocation in all.shuffled(using: &generator) + all.shuffled(using: &generator) {
                set = set.applying([revocation])
            }
            #expect(set.count == 2)
            #expect(set.generation == 4)
            #expect(set.isRevoked(subject(session: 8, version: 4, generation: 4)))
            #expect(!set.isRevoked(subject(session: 8, version: 5, generation: 4)))
            #expect(set.expired(at: until.adding(milliseconds: -1)).count == 2)
        }
    }

    @Test func `an entry goes at its end, the generation never`() {
        let set = RevocationSet().applying([
            .token(id(3), user: id(1), until: until), .session(id(2), user: id(1), until: until),
            .user(id(1), minimumVersion: 2, until: until), .generation(1),
        ])
        #expect(set.expired(at: until.adding(milliseconds: -1)).count == 3)
        let later = set.expired(at: until)
        #expect(later.count == 0)
        #expect(later.generation == 1)
    }

    @Test func `within its limit a set wants no collapse`() {
        var set = RevocationSet(limit: 8)
        for number in 0..<8 { set = set.applying([.session(id(UInt64(number)), user: id(1), until: until)]) }
        #expect(set.wantedCollapse() == nil)
    }

    @Test func `too many entries of few users collapse into those users' epochs`() {
        var set = RevocationSet(limit: 8)
        for number in 0..<8 { set = set.applying([.session(id(UInt64(number)), user: id(1), until: until)]) }
        set = set.applying([.token(id(50), user: id(2), until: until)])
        #expect(set.wantedCollapse() == .users([id(1)]))
        let before = set
        // Applied while the store was at work: a token of the raised version, which the collapse does not cover.
        set = set.applying([.token(id(60), user: id(1), until: until)])
        set = set.collapsed(
            .users([id(1)]), of: before, to: [.user(id(1), minimumVersion: 2, until: until)])
        #expect(set.count == 3)
        #expect(set.isRevoked(subject(user: 1, session: 3, version: 1)))
        #expect(set.isRevoked(subject(user: 1, session: 99, token: 60, version: 2)))
        #expect(set.isRevoked(subject(user: 2, session: 99, token: 50)))
        #expect(!set.isRevoked(subject(user: 1, session: 99, version: 2)))
        #expect(set.wantedCollapse() == nil)
    }

    @Test func `too many users collapse into the fleet's generation`() {
        var set = RevocationSet(limit: 8)
        for number in 0..<9 {
            set = set.applying([.session(id(UInt64(number)), user: id(UInt64(100 + number)), until: until)])
        }
        #expect(set.wantedCollapse() == .everything)
        let before = set
        set = set.applying([.session(id(77), user: id(7), until: until)])
        set = set.collapsed(.everything, of: before, to: [.generation(1)])
        #expect(set.count == 1)
        #expect(set.isRevoked(subject(session: 4)))
        #expect(set.isRevoked(subject(session: 77, generation: 1)))
        #expect(!set.isRevoked(subject(session: 4, generation: 1)))
    }

    @Test func `entries of nobody known are refused, and only the fleet's generation takes their place`() {
        var set = RevocationSet(limit: 8)
        for number in 0..<5 { set = set.applying([.token(id(UInt64(number)), user: nil, until: until)]) }
        for number in 10..<14 { set = set.applying([.session(id(UInt64(number)), user: nil, until: until)]) }
        #expect(set.isRevoked(subject(token: 4)) && set.isRevoked(subject(session: 13)))
        #expect(set.wantedCollapse() == .everything)
        let kept = set.collapsed(.users([id(1)]), of: set, to: [.user(id(1), minimumVersion: 2, until: until)])
        #expect(kept.isRevoked(subject(token: 4, version: 9)) && kept.count == 10)
        let before = set
        set = set.applying([.token(id(99), user: nil, until: until)])
        set = set.collapsed(.everything, of: before, to: [.generation(1)])
        #expect(set.count == 1 && set.isRevoked(subject(token: 99, generation: 1)))
    }

    @Test func `a user's entries make room beside those of nobody`() {
        var set = RevocationSet(limit: 8)
        for number in 0..<2 { set = set.applying([.token(id(UInt64(number)), user: nil, until: until)]) }
        for number in 10..<17 { set = set.applying([.session(id(UInt64(number)), user: id(1), until: until)]) }
        #expect(set.wantedCollapse() == .users([id(1)]))
        set = set.collapsed(.users([id(1)]), of: set, to: [.user(id(1), minimumVersion: 2, until: until)])
        #expect(set.count == 3 && set.wantedCollapse() == nil)
        #expect(set.isRevoked(subject(user: 5, token: 1)))
    }

    @Test func `an entry whose user becomes known collapses with the user's, in whatever order it was told`() {
        let known = Revocation.token(id(3), user: id(1), until: until)
        let unknown = Revocation.token(id(3), user: nil, until: until)
        for told in [[known, unknown], [unknown, known]] {
            let set = RevocationSet().applying(told)
            let after = set.collapsed(.users([id(1)]), of: set, to: [.user(id(1), minimumVersion: 2, until: until)])
            #expect(set.count == 1 && after.count == 1)
            #expect(after.isRevoked(subject()) && !after.isRevoked(subject(version: 2)))
        }
    }

    @Test func `a user who is gone is collapsed once and for all versions`() {
        var set = RevocationSet(limit: 8)
        for number in 0..<9 { set = set.applying([.session(id(UInt64(number)), user: id(1), until: until)]) }
        #expect(set.wantedCollapse() == .users([id(1)]))
        set = set.collapsed(.users([id(1)]), of: set, to: [.user(id(1), minimumVersion: .max, until: until)])
        #expect(set.wantedCollapse() == nil && set.count == 1)
        #expect(set.isRevoked(subject(session: 77, version: .max - 1)))
    }

    /// A model of the store: versions and a generation that only rise, a list of what was revoked.
    @Test func `through collapses at any moment nothing revoked is ever accepted`() {
        var generator = SeededGenerator(seed: 99)
        for round in 0..<8 {
            var set = RevocationSet(limit: 16)
            var versions = [Int64](repeating: 1, count: 6)
            var generation: Int64 = 0
            var revoked: [RevocationSubject] = []
            var live: [RevocationSubject] = []
            var asked: (RevocationCollapse, RevocationSet)?
            for step in 0..<400 {
                let user = Int.random(in: 0..<6, using: &generator)
                let issued = subject(
                    user: UInt64(user), session: UInt64(1000 + step), token: UInt64(100_000 + step),
                    version: versions[user], generation: generation)
                if Bool.random(using: &generator) {
                    live.append(issued)
                } else {
                    revoked.append(issued)
                    set = set.applying([
                        Bool.random(using: &generator)
                            ? .token(issued.token, user: issued.user, until: until)
                            : .session(issued.session, user: issued.user, until: until)
                    ])
                }
                if let (collapse, before) = asked, step % 5 == round % 5 {
                    set = set.collapsed(collapse, of: before, to: pending(collapse, versions, generation))
                    asked = nil
                } else if asked == nil, let collapse = set.wantedCollapse() {
                    // The store raises now; the answer arrives some steps later.
                    switch collapse {
                    case .users(let users):
                        for user in users { versions[Int(user.low)] += 1 }
                    case .everything: generation += 1
                    }
                    asked = (collapse, set)
                }
                #expect(revoked.allSatisfy { set.isRevoked($0) })
            }
            #expect(set.count < 40)
            let current = live.filter { $0.userVersion == versions[Int($0.user.low)] && $0.generation == generation }
            #expect(current.allSatisfy { !set.isRevoked($0) })
        }
    }

    private func pending(_ collapse: RevocationCollapse, _ versions: [Int64], _ generation: Int64) -> [Revocation] {
        switch collapse {
        case .users(let users):
            users.map { .user($0, minimumVersion: versions[Int($0.low)], until: until) }
        case .everything: [.generation(generation)]
        }
    }

    @Test func `what would change nothing is covered, and nothing else is`() {
        let all: [Revocation] = [
            .token(id(3), user: nil, until: until), .session(id(2), user: id(1), until: until),
            .user(id(1), minimumVersion: 2, until: until), .generation(4),
        ]
        let set = RevocationSet().applying(all)
        #expect(all.allSatisfy { set.covers($0) && !RevocationSet().covers($0) })
        #expect(set.covers(.session(id(2), user: nil, until: testStart)))
        let news: [Revocation] = [
            .token(id(3), user: id(1), until: until), .token(id(3), user: nil, until: until.adding(seconds: 1)),
            .session(id(9), user: nil, until: until), .user(id(1), minimumVersion: 3, until: until),
            .user(id(1), minimumVersion: 1, until: until.adding(seconds: 1)), .generation(5),
        ]
        #expect(news.allSatisfy { !set.covers($0) })
    }

    @Test func `what the store let go of for something else goes here too, and what is newer stays`() {
        let before = RevocationSet(limit: 4).applying([
            .token(id(10), user: id(1), until: until), .session(id(11), user: id(1), until: until),
            .session(id(12), user: id(2), until: until), .token(id(13), user: nil, until: until),
            .user(id(3), minimumVersion: 2, until: until), .user(id(4), minimumVersion: 2, until: until),
        ])
        #expect(before.isOverfull)
        // Meanwhile here: one entry that is new, and one by version that has risen.
        let now = before.applying([
            .session(id(14), user: id(5), until: until), .user(id(4), minimumVersion: 3, until: until),
        ])
        // The store raised the first user's version and dropped the third's entry, which is over.
        let reduced = now.reduced(
            to: [
                .user(id(1), minimumVersion: 8, until: until), .session(id(12), user: id(2), until: until),
                .token(id(13), user: nil, until: until), .user(id(4), minimumVersion: 2, until: until),
            ], of: before)
        #expect(reduced.number > now.number)
        #expect(reduced.count == 5)
        #expect(reduced.isRevoked(subject(user: 1, session: 90, token: 91, version: 7)))
        #expect(!reduced.isRevoked(subject(user: 1, session: 11, token: 10, version: 8)))
        #expect(reduced.isRevoked(subject(user: 2, session: 12)))
        #expect(reduced.isRevoked(subject(user: 9, token: 13)))
        #expect(reduced.isRevoked(subject(user: 5, session: 14)))
        #expect(reduced.isRevoked(subject(user: 4, session: 90, version: 2)))
        #expect(!reduced.isRevoked(subject(user: 3, session: 90, version: 1)))
    }
}
