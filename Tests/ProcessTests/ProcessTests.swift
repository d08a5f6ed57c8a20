import Testing

/// The server as its users have it: a process, its files, its output, its ports. One test at a time: each has several
/// threads at work, and some look at how much memory and CPU the server takes.
@Suite(.serialized) enum ProcessTests {}
