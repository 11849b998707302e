"""Rooms in the simple dialect, and an echo, written as FastAPI's tutorial on WebSockets does it."""

import json
import uuid
from datetime import datetime, timezone

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


class ConnectionManager:
    def __init__(self):
        self.rooms: dict[str, list[WebSocket]] = {}

    def join(self, room: str, websocket: WebSocket):
        self.rooms.setdefault(room, []).append(websocket)

    def leave(self, room: str | None, websocket: WebSocket):
        members = self.rooms.get(room, [])
        if websocket in members:
            members.remove(websocket)
            if not members:
                del self.rooms[room]

    async def broadcast(self, room: str | None, message: str):
        # A copy, since others come and go while this waits for one of them.
        for connection in list(self.rooms.get(room, [])):
            try:
                await connection.send_text(message)
            except (WebSocketDisconnect, RuntimeError):
                self.leave(room, connection)


manager = ConnectionManager()


@app.websocket("/ws")
async def chat(websocket: WebSocket):
    await websocket.accept()
    client_id = str(uuid.uuid4())
    room = None
    try:
        while True:
            data = await websocket.receive_json()
            if data["type"] == "join":
                manager.leave(room, websocket)
                room = data["room"]
                manager.join(room, websocket)
                await websocket.send_json({"type": "room_users", "users": []})
            elif data["type"] == "message":
                timestamp = datetime.now(timezone.utc).isoformat()
                await manager.broadcast(room, json.dumps({
                    "type": "message", "sender": client_id, "content": data["content"], "timestamp": timestamp,
                }))
    except WebSocketDisconnect:
        pass
    finally:
        manager.leave(room, websocket)


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
