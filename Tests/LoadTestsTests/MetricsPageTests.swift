import LoadTests
import Testing

@Suite("Pages of metrics")
struct MetricsPageTests {
    private func page(_ text: String) throws(MetricsError) -> MetricsPage { try MetricsPage(Array(text.utf8)) }

    @Test(
        "A malformed line is skipped and counted, and the next one is read",
        arguments: [
            "a", "a{", "a{b", "a{b=", "a{b=\"", "a{b=\"x", "a{b=\"x\\", "a{b=\"x\"", "a{b=\"x\" c=\"y\"} 1",
            "a{b=\"\\t\"} 1",
            "a{b=\"x\",b=\"y\"} 1", "a{b:c=\"x\"} 1", "a{=\"x\"} 1", "a{,} 1", "a x", "a 1 2 3", "a 1 x", "1a 1",
            "{} 1", "é 1",
            "a{b=\"x\"}", "a-b 1", "good 2", "= 1",
        ])
    func malformed(line: String) throws {
        let page = try page("good 1\n\(line)\nafter 3\n")
        #expect(page.malformed == 1)
        #expect(page.value(of: "good") == 1)
        #expect(page.value(of: "after") == 3)
        #expect(page.value(of: "a") == nil)
    }

    @Test("A label that is not UTF-8 makes a line malformed")
    func notUnicode() throws {
        let page = try MetricsPage(Array("good 1\na{b=\"".utf8) + [0xFF] + Array("\"} 1\n".utf8))
        #expect(page.malformed == 1)
    }

    @Test("What holds no sample at all is refused, and so is more than 4 MiB")
    func refused() throws {
        #expect(throws: MetricsError.nothing) { try page("<!doctype html>\n<p>404</p>\n") }
        let long = [UInt8](repeating: UInt8(ascii: "\n"), count: MetricsPage.longest + 1)
        #expect(throws: MetricsError.tooLong(long.count)) { try MetricsPage(long) }
        #expect("\(MetricsError.tooLong(5_000_000))".contains("5000000 bytes"))
        #expect(try page("").value(of: "a") == nil)
    }

    @Test("The format's own example is read: escapes, times, blanks, infinities, a trailing comma")
    func format() throws {
        let page = try page(
            """
            # HELP http_requests_total The total number of HTTP requests.
            # TYPE http_requests_total counter
            http_requests_total{method="post",code="200"} 1027 1395066363000
            http_requests_total{method="post",code="400"}    3 1395066363000

            # Escaping in label values:
            msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
            metric_without_timestamp_and_labels 12.47
            something_weird{problem="division by zero"} +Inf -3982045
            \t rpc:duration_seconds { quantile = "0.5" , } 4773 # {trace_id="a b"} 0.67
            lost NaN\r
            """)
        #expect(page.malformed == 0)
        #expect(page.value(of: "http_requests_total") == 1030)
        #expect(page.value(of: "http_requests_total", labels: ["code": "400", "method": "post"]) == 3)
        #expect(page.value(of: "http_requests_total", labels: ["code": "500"]) == nil)
        let labels = ["path": "C:\\DIR\\FILE.TXT", "error": "Cannot find file:\n\"FILE.TXT\""]
        #expect(page.value(of: "msdos_file_access_time_seconds", labels: labels) == 1.458255915e9)
        #expect(page.value(of: "metric_without_timestamp_and_labels") == 12.47)
        #expect(page.value(of: "something_weird") == .infinity)
        #expect(page.value(of: "rpc:duration_seconds", labels: ["quantile": "0.5"]) == 4773)
        #expect(page.value(of: "lost") == nil)
    }

    @Test("A counter that fell began anew, and one that is not there cannot be told")
    func increase() throws {
        let earlier = try page("c{n=\"1\"} 10\nc{n=\"2\"} 5\nc{n=\"3\"} 2\nweird +Inf\n")
        let later = try page("c{n=\"1\"} 17\nc{n=\"2\"} 4\nc{n=\"4\"} 1\nweird 3\n")
        #expect(later.increase(of: "d", since: earlier) == nil)
        #expect(later.increase(of: "c", since: earlier) == CounterIncrease(amount: 12, resets: 2))
        #expect(later.increase(of: "c", labels: ["n": "1"], since: earlier) == CounterIncrease(amount: 7, resets: 0))
        #expect(later.increase(of: "weird", since: earlier) == CounterIncrease(amount: 3, resets: 0))
    }

    @Test("Of a fleet nothing is known as soon as one node is silent")
    func window() throws {
        let one = try page("c 1\n")
        let three = try page("c 3\n")
        let other = try page("d 1\n")
        func told(_ before: [MetricsPage?], _ after: [MetricsPage?], _ name: String? = "c") -> Known<CounterIncrease> {
            MetricsWindow(before: before, after: after).increase(of: name)
        }
        #expect(told([one], [three], nil) == .unknown("the profile names no such metric"))
        #expect(told([], []) == .unknown("no metrics URL was given"))
        #expect(told([one, one], [three, nil]) == .unknown("the metrics of node 2 of 2 could not be read"))
        #expect(told([one, nil], [three, three]) == .unknown("the metrics of node 2 of 2 could not be read"))
        #expect(told([one, one], [three]) == .unknown("the metrics of node 2 of 2 could not be read"))
        #expect(told([other, one], [other, three]) == .unknown("node 1 of 2 has no metric c"))
        #expect(told([one, one], [three, three]) == .known(CounterIncrease(amount: 4, resets: 0)))
        #expect(told([one], [three]).map { $0.amount * 2 } == .known(4))
    }
}
