// Rooms in the simple dialect, and an echo, on Node's ws: what one writes after reading its README.
'use strict';
const http = require('node:http');
const { randomUUID } = require('node:crypto');
const { WebSocketServer, WebSocket } = require('ws');

const rooms = new Map();

function leave(socket) {
  const members = rooms.get(socket.room);
  if (!members) return;
  members.delete(socket);
  if (members.size === 0) rooms.delete(socket.room);
}

function join(socket, room) {
  leave(socket);
  socket.room = room;
  if (!rooms.has(room)) rooms.set(room, new Set());
  rooms.get(room).add(socket);
  socket.send(JSON.stringify({ type: 'room_users', users: [] }));
}

function say(socket, content) {
  const text = JSON.stringify({
    type: 'message', sender: socket.id, content, timestamp: new Date().toISOString(),
  });
  for (const member of rooms.get(socket.room) ?? []) {
    if (member.readyState === WebSocket.OPEN) member.send(text);
  }
}

function hear(socket, data) {
  const frame = JSON.parse(data);
  if (frame.type === 'join') join(socket, frame.room);
  else if (frame.type === 'message') say(socket, frame.content);
}

function chat(socket) {
  socket.id = randomUUID();
  socket.on('message', (data) => hear(socket, data));
  socket.on('close', () => leave(socket));
  socket.on('error', () => socket.terminate());
}

function echo(socket) {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('error', () => socket.terminate());
}

const paths = { '/ws': chat, '/echo': echo };
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const server = http.createServer((request, response) => response.writeHead(404).end());
server.on('upgrade', (request, stream, head) => {
  const serve = paths[new URL(request.url, 'http://localhost').pathname];
  if (!serve) return stream.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
  sockets.handleUpgrade(request, stream, head, serve);
});
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
