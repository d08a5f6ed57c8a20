import CFuzzer

/// What runs over each input. Set once, before libFuzzer starts, on the only thread there is.
nonisolated(unsafe) private var test: (UnsafeRawBufferPointer) -> Void = { _ in }

/// Hands the process to libFuzzer, which takes its options from the command line; returns its exit code.
package func fuzz(_ body: @escaping (UnsafeRawBufferPointer) -> Void) -> Int32 {
    test = body
    var count = CommandLine.argc
    // libFuzzer may put another array in place of the one it is given.
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    return LLVMFuzzerRunDriver(&count, &arguments) { data, size in
        test(UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : size))
        return 0
    }
}

/// Ends the run with the input kept: something that must hold for every input does not.
package func violated(_ property: StaticString) -> Never {
    fatalError("\(property)")
}
