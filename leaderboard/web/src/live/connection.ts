/**
 * One socket for the whole page. A room remembers the id of the last event it saw; after a
 * lost connection it joins again with `since`, and the server sends what was missed or, when
 * that is too much, a new snapshot. An event is never handed on twice.
 */

import { io, type Socket } from "socket.io-client";
import type { ArenaEvent, JoinAnswer, Snapshot } from "../protocol";

export type ConnectionState = "connecting" | "live" | "reconnecting" | "refused";

export interface RoomListener {
  onSnapshot?(snapshot: Snapshot): void;
  onEvent?(event: ArenaEvent): void;
  onState?(state: ConnectionState, reason?: string): void;
}

interface Room {
  last: number | null;
  listeners: Set<RoomListener>;
}

let socket: Socket | null = null;
let state: ConnectionState = "connecting";
const rooms = new Map<string, Room>();

/** Listen to a room; the snapshot comes first. Returns the way out. */
export function listen(name: string, listener: RoomListener): () => void {
  const room: Room = rooms.get(name) ?? { last: null, listeners: new Set() };
  const isNew = !rooms.has(name);
  rooms.set(name, room);
  room.listeners.add(listener);
  listener.onState?.(state);
  const live = connect();
  // A second island of the same room needs a snapshot of its own: ask again, from the start.
  if (!isNew) room.last = null;
  if (live.connected) join(name, room);
  return () => {
    room.listeners.delete(listener);
    if (room.listeners.size === 0) {
      rooms.delete(name);
      socket?.emit("leave", { room: name });
    }
  };
}

function connect(): Socket {
  if (socket) return socket;
  // The page's own origin; websocket first, long polling where a proxy forbids it.
  socket = io({ transports: ["websocket", "polling"], reconnectionDelay: 500, reconnectionDelayMax: 5000 });
  socket.on("connect", () => {
    for (const [name, room] of rooms) join(name, room);
  });
  socket.on("disconnect", (reason) => {
    setState("reconnecting");
    // The server ends a connection that is too far behind; socket.io reconnects by itself in
    // every other case.
    if (reason === "io server disconnect") window.setTimeout(() => socket?.connect(), 1000);
  });
  socket.on("connect_error", () => setState(state === "live" ? "reconnecting" : state));
  socket.on("snapshot", receiveSnapshot);
  socket.on("event", receiveEvent);
  return socket;
}

function join(name: string, room: Room): void {
  socket?.timeout(10_000).emit("join", { room: name, since: room.last }, (late: Error | null, answer: JoinAnswer) => {
    if (late) return; // the connection broke meanwhile: "connect" joins again
    if (answer.ok) setState("live");
    else for (const listener of room.listeners) listener.onState?.("refused", answer.error);
  });
}

function receiveSnapshot(snapshot: Snapshot): void {
  const room = rooms.get(snapshot.room);
  if (!room) return;
  room.last = snapshot.event_id;
  for (const listener of room.listeners) listener.onSnapshot?.(snapshot);
}

function receiveEvent(event: ArenaEvent): void {
  const room = event.room === undefined ? undefined : rooms.get(event.room);
  if (!room || (room.last !== null && event.id <= room.last)) return;
  room.last = event.id;
  for (const listener of room.listeners) listener.onEvent?.(event);
}

function setState(next: ConnectionState): void {
  state = next;
  for (const room of rooms.values()) for (const listener of room.listeners) listener.onState?.(next);
}
