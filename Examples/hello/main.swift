import RoostClient

let roost = try Roost("ws://localhost:8080", name: "Swift")
let room = roost.join("general", history: 20)
room.post("hello from Swift")
for await message in room.messages { print("\(message.sender): \(message.content)") }
