// The rules: what a log of moves comes to. Everything is decided by the order of the log, nothing by a clock or by who
// is connected, so that all who have the log agree.

const LINES = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

/**
 * @param {{sender: string, content: any}[]} log
 * @returns `players`, X first; `board`, nine times "X", "O" or null; `next`, whose turn it is, or null at the end;
 *   `winner` and the `line` that won; `mayMove(user)`
 */
export function play(log) {
  const game = { players: [], board: Array(9).fill(null), next: "X", winner: null, line: null };
  for (const { sender, content } of log) move(game, sender, content?.cell);
  return { ...game, mayMove: (user) => mayMove(game, user) };
}

function mayMove({ players, next }, user) {
  const seat = next === "X" ? 0 : 1;
  // A free seat is anybody's who has none yet.
  return next !== null && (players[seat] === user || (players.length === seat && !players.includes(user)));
}

function move(game, user, cell) {
  // Whatever else somebody has sent to the room is no move.
  if (!Number.isInteger(cell) || game.board[cell] !== null || !mayMove(game, user)) return;
  if (!game.players.includes(user)) game.players.push(user);
  game.board[cell] = game.next;
  game.line = LINES.find((line) => line.every((place) => game.board[place] === game.next)) ?? null;
  if (game.line !== null) game.winner = game.next;
  const isOver = game.line !== null || game.board.every((mark) => mark !== null);
  game.next = isOver ? null : game.next === "X" ? "O" : "X";
}
