// Hooks for React 18: a room, and the connection's state, as a component sees them.

const { useEffect, useReducer, useState } = globalThis.React;

// Whatever changes what there is to show.
const EVENTS = ["message", "pending", "change", "deleted", "reset", "joined", "members", "typing", "refused"];

/**
 * The room that a component shows, joined as long as the component is there: draw `room.messages` and the rest of it.
 * Null until it is joined for the first time. `options` are those of `roost.join`, and count when the name changes.
 */
export function useRoom(roost, name, options) {
  const [room, setRoom] = useState(null);
  // The room is one object that changes; each of its events draws it again.
  const [, redraw] = useReducer((count) => count + 1, 0);

  useEffect(() => {
    const joined = roost.join(name, options);
    for (const type of EVENTS) joined.addEventListener(type, redraw);
    setRoom(joined);
    return () => {
      for (const type of EVENTS) joined.removeEventListener(type, redraw);
      joined.leave();
    };
  }, [roost, name]);

  // Between a new name and its effect, the room is still the old one.
  return room?.name === name ? room : null;
}

/** `disconnected`, `connecting` or `connected`. */
export function useConnection(roost) {
  const [state, setState] = useState(roost.state);
  useEffect(() => {
    const listener = ({ detail }) => setState(detail.state);
    setState(roost.state);
    roost.addEventListener("state", listener);
    return () => roost.removeEventListener("state", listener);
  }, [roost]);
  return state;
}
