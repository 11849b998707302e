/** The least of some times, each of which may be null. */
export function earliest(times) {
  let least = null;
  for (const time of times) {
    if (time !== null && (least === null || time < least)) least = time;
  }
  return least;
}
