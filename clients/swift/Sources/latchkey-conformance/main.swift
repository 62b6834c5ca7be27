// The Swift client's driver of the conformance kit: see clients/conformance/README.md.
import Foundation

let driver = Driver()
let output = Output()

// A thread of its own reads: commands are taken as they come, also while others wait.
let reader = Thread {
    while let line = readLine() {
        guard let command = try? JSONDecoder().decode(Command.self, from: Data(line.utf8)) else {
            FileHandle.standardError.write(Data("conformance: not a command\n".utf8))
            exit(2)
        }
        driver.take(command) { output.write($0) }
    }
    exit(0)
}
reader.start()
while true { try await Task.sleep(nanoseconds: .max / 2) }
