import Testing

@testable import Postgres

struct ValueTests {
    private func encoded(_ value: Value) -> [UInt8] {
        var bytes: [UInt8] = []
        #expect(value.encode(into: &bytes) == true)
        return bytes
    }

    @Test func `scalars are what the server receives in binary`() {
        #expect(encoded(.bool(true)) == [1])
        #expect(encoded(.bool(false)) == [0])
        #expect(encoded(.integer(-2)) == [255, 255, 255, 255, 255, 255, 255, 254])
        #expect(encoded(.integer(258)) == [0, 0, 0, 0, 0, 0, 1, 2])
        #expect(encoded(.text("é")) == [0xC3, 0xA9])
        #expect(encoded(.bytes([])) == [])
    }

    @Test func `an array carries its element type, its length and lower bound one`() {
        #expect(
            encoded(.texts(["a", ""])) == [
                0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 97, 0, 0, 0, 0,
            ])
        #expect(encoded(.integers([])) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
    }

    @Test func `null has a type of the server's choice and no bytes`() {
        var bytes: [UInt8] = []
        #expect(Value.null.encode(into: &bytes) == false)
        #expect(bytes.isEmpty)
        #expect(Value.null.type == 0)
    }

    @Test func `a block gives an empty value an address and null none`() {
        ParameterBlock([.bytes([]), .null, .text("ab")]).withPointers { pointers, lengths, formats in
            #expect(pointers.map { $0 != nil } == [true, false, true])
            #expect(lengths == [0, 0, 2])
            #expect(formats == [1, 1, 1])
            #expect(pointers[2]?.pointee == 97)
        }
        ParameterBlock([]).withPointers { pointers, _, _ in #expect(pointers.isEmpty) }
    }

    @Test func `integers of every width are read with their sign`() throws {
        let row = Row(columns: [[0xFF, 0xFE], [0xFF, 0xFF, 0xFF, 0xFE], [0, 0, 0, 0, 0, 0, 1, 0], nil])
        #expect(try row.integer(0) == -2)
        #expect(try row.integer(1) == -2)
        #expect(try row.integer(2) == 256)
        #expect(try row.optionalInteger(3) == nil)
        #expect(row.isNull(3) && row.isNull(4) && !row.isNull(0))
    }

    @Test func `arrays come back as they went`() throws {
        let values: [Value] = [
            .texts(["admin", "é", ""]), .byteArrays([[], [0, 255]]), .integers([.min, 0, .max]),
            .uuids([[UInt8](repeating: 7, count: 16)]), .texts([]),
        ]
        let row = Row(columns: values.map { encoded($0) })
        #expect(try row.texts(0) == ["admin", "é", ""])
        #expect(try row.byteArrays(1) == [[], [0, 255]])
        #expect(try row.integers(2) == [.min, 0, .max])
        #expect(try row.uuids(3) == [[UInt8](repeating: 7, count: 16)])
        #expect(try row.texts(4) == [])
    }

    @Test func `what is missing, null or of another type is malformed`() {
        let row = Row(columns: [nil, [1, 2, 3], [2], [0xFF], [0, 0, 0, 1]])
        func expectMalformed(_ body: () throws(PostgresError) -> Void) {
            do throws(PostgresError) {
                try body()
                Issue.record("it was read")
            } catch {
                #expect(error.code == .malformed)
            }
        }
        expectMalformed { () throws(PostgresError) in _ = try row.text(0) }
        expectMalformed { () throws(PostgresError) in _ = try row.text(9) }
        expectMalformed { () throws(PostgresError) in _ = try row.integer(1) }
        expectMalformed { () throws(PostgresError) in _ = try row.uuid(1) }
        expectMalformed { () throws(PostgresError) in _ = try row.bool(2) }
        expectMalformed { () throws(PostgresError) in _ = try row.text(3) }
        expectMalformed { () throws(PostgresError) in _ = try row.texts(4) }
    }

    @Test func `an array that announces more than it has, or nulls, is refused without room being made for it`() {
        let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25]
        let hostile: [[UInt8]] = [
            header + [0x7F, 255, 255, 255, 0, 0, 0, 1],
            header + [255, 255, 255, 255, 0, 0, 0, 1],
            header + [0, 0, 0, 1, 0, 0, 0, 1, 255, 255, 255, 255],
            header + [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1],
            header + [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 97, 98],
            [0, 0, 0, 2] + header.dropFirst(4),
        ]
        for bytes in hostile {
            #expect(throws: PostgresError.self) { try Row(columns: [bytes]).texts(0) }
        }
    }
}
